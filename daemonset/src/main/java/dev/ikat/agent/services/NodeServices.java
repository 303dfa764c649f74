package dev.ikat.agent.services;

import dev.ikat.agent.config.ServiceOptions;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;
import dev.ikat.agent.reconcile.Reconciliations;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.dataplane.Capability;
import dev.ikat.kubernetes.ApiKind;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.model.IpAddress;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Services on this node, according to the operator's settings: Ikat's task, or none of it. */
public final class NodeServices implements AutoCloseable {
    private final Dataplanes dataplanes;
    private final Optional<ServiceKeeper> keeper;
    private boolean othersRemoved;

    private NodeServices(Dataplanes dataplanes, Optional<ServiceKeeper> keeper) {
        this.dataplanes = dataplanes;
        this.keeper = keeper;
    }

    /**
     * Starts, in the network namespace of the calling thread; nothing is in force before the loop's first round.
     *
     * @param nodeName this node's
     * @param hostAddresses the addresses of the host's links
     * @param registry serves the metrics
     * @param needed has the loop look at services soon
     */
    public static NodeServices start(
            String nodeName,
            ServiceOptions options,
            Dataplanes dataplanes,
            Supplier<? extends Set<IpAddress>> hostAddresses,
            PrometheusRegistry registry,
            Runnable needed) {
        return new NodeServices(
                dataplanes,
                options.areRead()
                        ? Optional.of(new ServiceKeeper(nodeName, options, dataplanes, hostAddresses, registry, needed)
                                .start())
                        : Optional.empty());
    }

    /** The kinds of objects that are needed for services beside those for the node's network. */
    public static List<ApiKind<?>> kinds(ServiceOptions options) {
        return options.areRead() ? ApiKinds.SERVICE_KINDS : List.of();
    }

    /** Has the source tell of services from now on, if they are Ikat's task. */
    public void subscribe(ClusterSource cluster) {
        keeper.ifPresent(keeping -> {
            Set<ObjectKind> kinds = new HashSet<>(Set.of(ObjectKind.NODE));
            ApiKinds.SERVICE_KINDS.forEach(kind -> kinds.add(kind.kind()));
            cluster.subscribe(kinds, keeping::changed);
        });
    }

    /** Registers the reconciliation of services with the loop. */
    public void register(Reconciliations loop) {
        loop.register(
                Part.SERVICES,
                keeper.<Reconciliation>map(keeping -> keeping::reconcile).orElse(this::removeOthers));
    }

    /** Removes what an agent with another setting left. */
    private int removeOthers() {
        if (!othersRemoved) {
            dataplanes.removeLeft(Capability.SERVICES, Optional.empty());
            othersRemoved = true;
        }
        return 0;
    }

    /** Whether the kernel does not notify of others' changes, so that they have to be looked for. */
    public boolean isUnwatched() {
        return keeper.map(ServiceKeeper::isUnwatched).orElse(false);
    }

    /** Whether a kube-proxy has come or gone. */
    public boolean isConcerned() {
        return keeper.map(ServiceKeeper::isConcerned).orElse(false);
    }

    /**
     * Why connections to services are not sent on here; empty if they are, or if that is not Ikat's task. For any
     * thread.
     */
    public Optional<String> hindrance() {
        return keeper.flatMap(ServiceKeeper::hindrance).map(reason -> "services are not in force: " + reason);
    }

    /** What has become of services. For any thread. */
    public ServiceState state() {
        return keeper.map(ServiceKeeper::state).orElse(ServiceState.OFF);
    }

    @Override
    public void close() {
        keeper.ifPresent(ServiceKeeper::close);
    }
}
