package dev.ikat.agent.bgp;

import dev.ikat.agent.config.BgpOptions;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.bgp.bird.Bird;
import dev.ikat.bgp.bird.BirdConfig;
import dev.ikat.bgp.bird.BirdFiles;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.kubernetes.ApiKind;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** BGP on this node, according to the operator's settings: Ikat's task, or none of it. */
public final class NodeBgp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeBgp.class);

    private final Optional<BgpKeeper> keeper;

    private NodeBgp(Optional<BgpKeeper> keeper) {
        this.keeper = keeper;
    }

    /**
     * Starts, in the network namespace of the calling thread. Where BGP is not spoken, a BIRD that an agent with
     * another setting has left is ended.
     *
     * @param nodeName this node's
     * @param runDirectory the agent's
     * @param netlink the kernel of this network namespace
     * @param situation what is known of the node; empty before its object is
     * @param condition writes a condition into an object's status
     * @param registry serves the metrics
     */
    public static NodeBgp start(
            String nodeName,
            BgpOptions options,
            Path runDirectory,
            Netlink netlink,
            Supplier<Optional<NodeSituation>> situation,
            BiConsumer<ObjectKey, ObjectCondition> condition,
            PrometheusRegistry registry) {
        if (options.spoken()) {
            return new NodeBgp(Optional.of(
                    new BgpKeeper(nodeName, options, files(runDirectory), situation, condition, registry).start()));
        }
        try {
            if (end(runDirectory, netlink)) {
                LOG.atInfo().addKeyValue("reason", "bgp is false").log("bgp-ended");
            }
        } catch (IOException e) {
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("bgp-not-ended");
        }
        return new NodeBgp(Optional.empty());
    }

    private static BirdFiles files(Path runDirectory) {
        return new BirdFiles(runDirectory.resolve("bgp"));
    }

    /**
     * Ends the BIRD of agents with this run directory, if there is one: its neighbours are told that the routes are
     * gone.
     *
     * @return whether there was one
     */
    public static boolean end(Path runDirectory, Netlink netlink) throws IOException {
        BirdFiles files = files(runDirectory);
        if (!Files.exists(files.directory())) {
            return false;
        }
        try {
            boolean ran = new Bird(files, new ConfinedBird("bird")).end();
            return removeRoutes(netlink) || ran;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while BIRD ended", e);
        }
    }

    /** Removes the routes that BIRD left because it was killed; returns whether there were any. */
    private static boolean removeRoutes(Netlink netlink) {
        List<Request> requests = new ArrayList<>();
        for (IpFamily family : IpFamily.values()) {
            RouteFilter ofBird = RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(RouteProtocol.BIRD);
            netlink.routes(family, ofBird).stream()
                    .filter(route -> route.metric() == BirdConfig.METRIC)
                    .forEach(route -> requests.add(Requests.delete(route).ignoring(Errno.ESRCH)));
        }
        if (!requests.isEmpty()) {
            netlink.execute(requests);
        }
        return !requests.isEmpty();
    }

    /** The kinds of objects that are needed for BGP beside those for the node's network. */
    public static List<ApiKind<?>> kinds(BgpOptions options) {
        return options.spoken() ? ApiKinds.BGP_KINDS : List.of();
    }

    /** Has the source tell of BGP's objects from now on, if it is spoken. */
    public void subscribe(ClusterSource cluster) {
        keeper.ifPresent(keeping -> {
            Set<ObjectKind> kinds = new HashSet<>(Set.of(ObjectKind.NODE));
            ApiKinds.BGP_KINDS.forEach(kind -> kinds.add(kind.kind()));
            cluster.subscribe(kinds, keeping::changed);
        });
    }

    /** What is known of the node may have changed. */
    public void look() {
        keeper.ifPresent(BgpKeeper::look);
    }

    /** What has become of BGP. For any thread. */
    public BgpState state() {
        return keeper.map(BgpKeeper::state).orElse(BgpState.OFF);
    }

    @Override
    public void close() {
        keeper.ifPresent(BgpKeeper::close);
    }
}
