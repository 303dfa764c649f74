package dev.ikat.agent.dataplane;

import dev.ikat.agent.policy.PolicyKeeper;
import dev.ikat.agent.policy.PolicyReport;
import dev.ikat.agent.policy.PolicySettings;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.Reconciliations;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cni.PodPolicy;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.policy.compiler.AddressContest;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Network policy on this node, according to the operator's settings: its enforcement, and its reports. */
public final class NodePolicy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodePolicy.class);

    private final Dataplanes dataplanes;
    private final Optional<PolicyKeeper> keeper;
    private final Optional<PolicyReport> report;
    private PolicySettings.Backend current;
    private boolean othersRemoved;

    private NodePolicy(Dataplanes dataplanes, Optional<PolicyKeeper> keeper, Optional<PolicyReport> report) {
        this.dataplanes = dataplanes;
        this.current = dataplanes.chosen();
        this.keeper = keeper;
        this.report = report;
    }

    /** Starts; nothing is in force before the first {@link #reconcile}. */
    public static NodePolicy start(
            String nodeName, PolicySettings settings, Dataplanes dataplanes, LeaseStore leases, PolicyReport report) {
        if (settings.backend() == PolicySettings.Backend.NONE) {
            report.startWithoutPolicy();
            return new NodePolicy(dataplanes, Optional.empty(), Optional.of(report));
        }
        PolicyKeeper keeper = new PolicyKeeper(
                nodeName,
                leases,
                () -> dataplanes.get(settings.backend()).policy(),
                settings.patience(),
                report.metrics(),
                report);
        report.start(keeper);
        return new NodePolicy(dataplanes, Optional.of(keeper.start()), Optional.of(report));
    }

    /** Enforces pods' policies, for the plugin. */
    public PodPolicy podPolicy() {
        return keeper.<PodPolicy>map(found -> found).orElse(PodPolicy.NONE);
    }

    /** The addresses that several pods claim now. */
    public List<AddressContest> contests() {
        return keeper.map(PolicyKeeper::contests).orElse(List.of());
    }

    /** The cluster has changed. */
    public void changed(ClusterChange change) {
        report.ifPresent(found -> found.changed(change));
        keeper.ifPresent(found -> found.changed(change));
    }

    /** Registers the reconciliation of policies with the loop. */
    public void register(Reconciliations loop) {
        loop.register(Part.POLICY, this::reconcile);
    }

    /** Puts policy in force, or repairs it, and removes what an agent with other options left. */
    int reconcile() {
        int changes = keeper.map(this::reconcile).orElse(0);
        if (!othersRemoved) {
            dataplanes.removeLeft(Capability.POLICY, inUse(current));
            othersRemoved = true;
        }
        return changes;
    }

    private int reconcile(PolicyKeeper keeping) {
        keeping.waitsFor().ifPresent(reason -> {
            throw new NotYetException(reason);
        });
        PolicySettings.Backend chosen = dataplanes.chosen();
        if (chosen != current) {
            keeping.swap(() -> dataplanes.get(chosen).policy());
            LOG.atInfo().addKeyValue("from", current).addKeyValue("to", chosen).log("policy-backend-changed");
            current = chosen;
            othersRemoved = false;
        }
        return keeping.reconcile();
    }

    /** Whether the kernel does not notify of others' changes, so that they have to be looked for. */
    public boolean isUnwatched() {
        return keeper.isPresent() && !dataplanes.get(dataplanes.chosen()).isWatched();
    }

    private Optional<Dataplane> inUse(PolicySettings.Backend backend) {
        return backend == PolicySettings.Backend.NONE ? Optional.empty() : Optional.of(dataplanes.get(backend));
    }

    @Override
    public void close() {
        report.ifPresent(PolicyReport::close);
        keeper.ifPresent(PolicyKeeper::close);
    }
}
