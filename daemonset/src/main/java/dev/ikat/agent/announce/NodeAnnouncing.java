package dev.ikat.agent.announce;

import dev.ikat.agent.config.AnnounceOptions;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.kubernetes.ApiKind;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.route.Netlink;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Announcing by ARP and neighbour discovery, according to the operator's settings: Ikat's task, or none of it. */
public final class NodeAnnouncing implements AutoCloseable {
    private final Optional<AnnounceKeeper> keeper;

    private NodeAnnouncing(Optional<AnnounceKeeper> keeper) {
        this.keeper = keeper;
    }

    /**
     * Starts, in the network namespace of the calling thread.
     *
     * @param nodeName this node's
     * @param netlink the kernel of this network namespace
     * @param uplink the link to the other nodes; empty before it is known
     * @param hindrance why this node can't send connections to services on; empty if it can
     * @param registry serves the metrics
     */
    public static NodeAnnouncing start(
            String nodeName,
            AnnounceOptions options,
            Netlink netlink,
            Supplier<Optional<InterfaceName>> uplink,
            Supplier<Optional<String>> hindrance,
            PrometheusRegistry registry) {
        return new NodeAnnouncing(
                options.announced()
                        ? Optional.of(
                                new AnnounceKeeper(nodeName, options, netlink, uplink, hindrance, registry).start())
                        : Optional.empty());
    }

    /** The kinds of objects that are needed for this beside those for the node's network. */
    public static List<ApiKind<?>> kinds(AnnounceOptions options) {
        return options.announced() ? ApiKinds.ANNOUNCED_KINDS : List.of();
    }

    /** Has the source tell of the objects from now on, if this is Ikat's task. */
    public void subscribe(ClusterSource cluster) {
        keeper.ifPresent(keeping -> {
            Set<ObjectKind> kinds = new HashSet<>(Set.of(ObjectKind.NODE));
            ApiKinds.ANNOUNCED_KINDS.forEach(kind -> kinds.add(kind.kind()));
            cluster.subscribe(kinds, keeping::changed);
        });
    }

    /** A link, or what this node can do, may have changed. */
    public void look() {
        keeper.ifPresent(AnnounceKeeper::look);
    }

    /** What has become of it. For any thread. */
    public AnnounceState state() {
        return keeper.map(AnnounceKeeper::state).orElse(AnnounceState.OFF);
    }

    @Override
    public void close() {
        keeper.ifPresent(AnnounceKeeper::close);
    }
}
