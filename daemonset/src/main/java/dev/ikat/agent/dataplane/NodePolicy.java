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
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.policy.compiler.AddressContest;
import dev.ikat.policy.compiler.PolicyReview;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Network policy on this node, according to the operator's settings: its enforcement, and its reports. */
public final class NodePolicy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodePolicy.class);

    /** How soon a backend that was refused is tried again. */
    private static final Duration AGAIN = Duration.ofSeconds(15);

    private final Dataplanes dataplanes;
    private final Optional<PolicyKeeper> keeper;
    private final Optional<PolicyReport> report;
    private final LongSupplier clock;
    /** The one that enforces policies, or is to be the first that does. */
    private volatile PolicySettings.Backend current;

    private volatile Optional<Refusal> refusal = Optional.empty();
    private boolean othersRemoved;

    /**
     * The choice of another backend that could not be followed.
     *
     * @param backend the one that was chosen
     * @param reason why it can't enforce policies here
     * @param nanos when it was last tried
     */
    private record Refusal(PolicySettings.Backend backend, String reason, long nanos) {}

    private NodePolicy(
            Dataplanes dataplanes, Optional<PolicyKeeper> keeper, Optional<PolicyReport> report, LongSupplier clock) {
        this.clock = clock;
        this.dataplanes = dataplanes;
        this.current = dataplanes.chosen();
        this.keeper = keeper;
        this.report = report;
    }

    /** Starts; nothing is in force before the first {@link #reconcile}. */
    public static NodePolicy start(
            String nodeName, PolicySettings settings, Dataplanes dataplanes, LeaseStore leases, PolicyReport report) {
        return start(nodeName, settings, dataplanes, leases, report, System::nanoTime);
    }

    static NodePolicy start(
            String nodeName,
            PolicySettings settings,
            Dataplanes dataplanes,
            LeaseStore leases,
            PolicyReport report,
            LongSupplier clock) {
        if (settings.backend() == PolicySettings.Backend.NONE) {
            report.startWithoutPolicy();
            return new NodePolicy(dataplanes, Optional.empty(), Optional.of(report), clock);
        }
        PolicyKeeper keeper = new PolicyKeeper(
                nodeName,
                leases,
                () -> dataplanes.get(settings.backend()).policy(),
                settings.patience(),
                report.metrics(),
                report);
        report.start(keeper);
        return new NodePolicy(dataplanes, Optional.of(keeper.start()), Optional.of(report), clock);
    }

    /** Enforces pods' policies, for the plugin. */
    public PodPolicy podPolicy() {
        return keeper.<PodPolicy>map(found -> found).orElse(PodPolicy.NONE);
    }

    /** The addresses that several pods claim now. */
    public List<AddressContest> contests() {
        return keeper.map(PolicyKeeper::contests).orElse(List.of());
    }

    /** A review of the cluster's policies as they are now; empty if they are not read, yet or at all. */
    public Optional<PolicyReview> review() {
        return keeper.flatMap(PolicyKeeper::review);
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
        if (chosen == current) {
            refusal = Optional.empty();
        } else if (!wasJustRefused(chosen)) {
            swap(keeping, chosen);
        }
        return keeping.reconcile();
    }

    private boolean wasJustRefused(PolicySettings.Backend chosen) {
        return refusal.filter(last -> last.backend() == chosen && clock.getAsLong() - last.nanos() < AGAIN.toNanos())
                .isPresent();
    }

    /** The former one enforces on, and is kept in order, where the other one is refused. */
    private void swap(PolicyKeeper keeping, PolicySettings.Backend chosen) {
        try {
            keeping.swap(() -> dataplanes.get(chosen).policy());
        } catch (PolicyBackendException e) {
            String reason = String.valueOf(e.getMessage());
            if (refusal.filter(last -> last.backend() == chosen && last.reason().equals(reason))
                    .isEmpty()) {
                LOG.atWarn()
                        .addKeyValue("refused", chosen)
                        .addKeyValue("in-force", current)
                        .addKeyValue("reason", reason)
                        .log("policy-backend-refused");
            }
            refusal = Optional.of(new Refusal(chosen, reason, clock.getAsLong()));
            return;
        }
        LOG.atInfo().addKeyValue("from", current).addKeyValue("to", chosen).log("policy-backend-changed");
        current = chosen;
        refusal = Optional.empty();
        othersRemoved = false;
    }

    /** What enforces policies, and what does not although it should. For any thread. */
    public PolicyState state() {
        Optional<String> notInForce = keeper.flatMap(PolicyKeeper::failure);
        return new PolicyState(
                current,
                notInForce,
                refusal.map(last -> "policy-backend " + PolicyState.name(last.backend()) + " is refused, and "
                        + PolicyState.name(current)
                        + (notInForce.isEmpty() ? " enforces policies as before: " : " stays chosen: ")
                        + last.reason() + "; provide what it lacks, or set policy-backend to "
                        + PolicyState.name(current) + " again"));
    }

    /** Whether the kernel does not notify of others' changes, so that they have to be looked for. */
    public boolean isUnwatched() {
        return keeper.isPresent() && !dataplanes.get(current).isWatched();
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
