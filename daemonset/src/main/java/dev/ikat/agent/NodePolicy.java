package dev.ikat.agent;

import dev.ikat.agent.ReconcileLoop.NotYetException;
import dev.ikat.agent.policy.PolicyKeeper;
import dev.ikat.agent.policy.PolicyReport;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.cni.PodPolicy;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.netlink.Rtnetlink;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesUnavailableException;
import dev.ikat.policy.ClusterChange;
import dev.ikat.policy.program.PolicyBackend;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Network policy on this node as the operator wants it: what enforces it, and what is made of it for people. */
final class NodePolicy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodePolicy.class);

    private final NftablesHolder table;
    private final PolicySettings settings;
    private final Optional<PolicyKeeper> keeper;
    private final Optional<PolicyReport> report;
    private boolean removed;

    private NodePolicy(PolicySettings settings, NftablesHolder table) {
        this.settings = settings;
        this.table = table;
        this.keeper = Optional.empty();
        this.report = Optional.empty();
    }

    private NodePolicy(
            PolicySettings settings,
            NftablesHolder table,
            LeaseStore leases,
            Rtnetlink netlink,
            Metrics metrics,
            Runnable reconcileSoon) {
        this.settings = settings;
        this.table = table;
        PolicyReport following = new PolicyReport(settings, netlink, metrics.registry(), reconcileSoon);
        PolicyKeeper keeping =
                new PolicyKeeper(leases, this::open, settings.patience(), following.metrics(), following);
        following.start(keeping);
        this.report = Optional.of(following);
        this.keeper = Optional.of(keeping.start());
    }

    /**
     * Begins; nothing is in force before the first {@link #reconcile}.
     *
     * @param reconcileSoon has {@link #reconcile} called
     */
    static NodePolicy start(
            PolicySettings settings,
            NftablesHolder table,
            LeaseStore leases,
            Rtnetlink netlink,
            Metrics metrics,
            Runnable reconcileSoon) {
        return switch (settings.backend()) {
            case NONE -> new NodePolicy(settings, table);
            case NFTABLES -> new NodePolicy(settings, table, leases, netlink, metrics, reconcileSoon);
        };
    }

    private PolicyBackend open() {
        return new NftablesBackend(table.get(), settings.dropLogGroup());
    }

    /** What pods are kept to. */
    PodPolicy podPolicy() {
        return keeper.<PodPolicy>map(found -> found).orElse(PodPolicy.NONE);
    }

    /** The cluster is different. */
    void changed(ClusterChange change) {
        report.ifPresent(found -> found.changed(change));
        keeper.ifPresent(found -> found.changed(change));
    }

    /** Puts policy in force, or repairs it, or removes what an agent with other options left. */
    int reconcile() {
        if (keeper.isEmpty()) {
            removeOnce();
            return 0;
        }
        keeper.get().waitsFor().ifPresent(reason -> {
            throw new NotYetException(reason);
        });
        return keeper.get().reconcile();
    }

    private void removeOnce() {
        if (removed) {
            return;
        }
        try (PolicyBackend former = new NftablesBackend(table.get(), OptionalInt.empty())) {
            former.remove();
        } catch (NftablesUnavailableException e) {
            // Without the library there never was a table.
            LOG.debug("event=policy-unavailable reason=\"{}\"", e.getMessage());
        }
        removed = true;
    }

    @Override
    public void close() {
        report.ifPresent(PolicyReport::close);
        keeper.ifPresent(PolicyKeeper::close);
    }
}
