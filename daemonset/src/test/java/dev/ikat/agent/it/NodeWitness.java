package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.traffic.Probe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;

/** What a node's kernel and lease store hold, compared with the pods that live on it. */
final class NodeWitness {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(3);

    /** For what a node does by itself, on a machine that is busy with other things. */
    private static final Duration SETTLE_LIMIT = Duration.ofSeconds(10);

    private NodeWitness() {}

    /** The leases of a node, as another process reads them. */
    static List<Lease> leases(ClusterNode node) {
        Path directory = node.fromHere(node.runDirectory()).resolve("leases");
        if (!Files.exists(directory)) {
            return List.of();
        }
        try (LeaseStore store = LeaseStore.open(directory, Clock.systemUTC())) {
            return store.leases();
        }
    }

    /** Waits until links, routes and leases are exactly those of the node's pods. */
    static void awaitExactly(ClusterNode node) {
        awaitExactly(node, SETTLE_LIMIT);
    }

    /** The same with a limit of its own. */
    static void awaitExactly(ClusterNode node, Duration limit) {
        Await.until(limit, () -> describe(node), () -> holdsExactlyItsPods(node));
    }

    private static boolean holdsExactlyItsPods(ClusterNode node) {
        return node.podLinks().size() == node.pods().size()
                && node.podRoutes().equals(expectedRoutes(node))
                && leasedContainers(node).equals(podContainers(node));
    }

    private static List<String> expectedRoutes(ClusterNode node) {
        return node.pods().stream()
                .flatMap(pod -> pod.addresses().stream())
                .map(IpAddress::toString)
                .sorted()
                .toList();
    }

    private static List<String> leasedContainers(ClusterNode node) {
        return leases(node).stream()
                .map(lease -> lease.attachment().containerId().value())
                .sorted()
                .toList();
    }

    private static List<String> podContainers(ClusterNode node) {
        return node.pods().stream()
                .map(pod -> pod.sandbox().containerId())
                .sorted()
                .toList();
    }

    private static String describe(ClusterNode node) {
        return "%s: pods %s, but links %s, routes %s, leases %s; its log ends:%n%s"
                .formatted(node, node.pods(), node.podLinks(), node.podRoutes(), leases(node), node.logTail());
    }

    /** Every pod of the cluster reaches every other, by every protocol and address. */
    static void assertAllPairsConnect(Cluster cluster) {
        cluster.pods().forEach(ClusterPod::serve);
        assertThat(Probe.failures(cluster.allPairs(), CONNECT_LIMIT))
                .as(() -> cluster.nodes().stream()
                        .map(node -> node.state() + node.logTail())
                        .toList()
                        .toString())
                .isEmpty();
    }
}
