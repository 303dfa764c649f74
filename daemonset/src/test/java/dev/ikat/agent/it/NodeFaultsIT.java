package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is wrong with one Node object, or with the way to one node, costs no other node's pods anything. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class NodeFaultsIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static String node(String name, String podCidr, String address) {
        return """
                apiVersion: v1
                kind: Node
                metadata: {name: %s}
                spec: {podCIDRs: [%s]}
                status: {addresses: [{type: InternalIP, address: %s}]}
                """.formatted(name, podCidr, address);
    }

    private static void awaitFault(ClusterNode seenBy, String node, String cause) {
        String metric = "ikat_node_faults{cause=\"" + cause + "\",node=\"" + node + "\"} 1";
        Await.until(
                LIMIT,
                () -> "no " + metric + " at " + seenBy + ": " + seenBy.logTail(),
                () -> seenBy.metrics().contains(metric));
        assertThat(seenBy.logLines())
                .filteredOn(line -> line.contains("event=overlay-fault node=" + node + " cause=" + cause))
                .hasSize(1);
    }

    @Test
    void nodeObjectsAtFaultCostTheOthersNothing() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2))) {
            cluster.nodes().forEach(node -> node.addPod("on-" + node));
            cluster.apply("claims.yaml", node("a-claims", "10.244.1.0/24", "172.30.0.99"));
            cluster.apply("address.yaml", node("a-address", "10.244.9.0/24", "172.30.0.12"));
            cluster.apply("network.yaml", node("a-network", "172.30.0.0/24", "172.30.0.98"));
            cluster.node(1).namespace().ip("route", "add", "10.244.7.0/24", "via", "172.30.0.1", "proto", "bird");
            cluster.apply("route.yaml", node("a-route", "10.244.7.0/24", "172.30.0.97"));

            for (ClusterNode node : cluster.nodes()) {
                awaitFault(node, "a-claims", "block_claimed");
                awaitFault(node, "a-address", "address_claimed");
                awaitFault(node, "a-network", "block_in_use");
            }
            awaitFault(cluster.node(1), "a-route", "route");
            assertThat(cluster.nodes()).allMatch(ClusterNode::isReady);
            NodeWitness.assertAllPairsConnect(cluster);

            // A new agent knows who has what from the kernel only.
            cluster.node(1).killAgent();
            cluster.node(1).startAgent();
            cluster.node(1).awaitReady(Cluster.READY_LIMIT);
            NodeWitness.assertAllPairsConnect(cluster);

            List.of("claims.yaml", "address.yaml", "network.yaml", "route.yaml").forEach(cluster::delete);
            Await.until(
                    LIMIT,
                    () -> "faults that are over are still told: "
                            + cluster.node(0).metrics(),
                    () -> !cluster.node(0).metrics().contains("ikat_node_faults{"));
        }
    }

    @Test
    void nodeWithAnothersBlockIsNotReadyAndTakesNothingFromIt() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(3))) {
            ClusterNode newcomer = cluster.node(2);
            cluster.withdraw(newcomer);
            List<ClusterNode> others = cluster.nodes().subList(0, 2);
            others.forEach(ClusterNode::startAgent);
            others.forEach(node -> node.awaitReady(Cluster.READY_LIMIT));
            others.forEach(node -> node.addPod("on-" + node));

            newcomer.setPodCidrs(Cidr.parse("10.244.1.0/24"));
            newcomer.startAgent();

            others.forEach(node -> awaitFault(node, newcomer.name(), "block_claimed"));
            Await.until(
                    Cluster.READY_LIMIT,
                    () -> "the newcomer does not say what is wrong: " + newcomer.logTail(),
                    () -> newcomer.logLines().stream()
                            .anyMatch(line -> line.contains("event=waiting part=NODE")
                                    && line.contains("pod CIDR 10.244.1.0/24 of node node-3 overlaps")));
            assertThat(newcomer.isReady()).isFalse();
            assertThat(others).allMatch(ClusterNode::isReady);
            NodeWitness.assertAllPairsConnect(cluster);
        }
    }

    @Test
    void leftoversOfAnotherPluginAreNamedAndTakeNoPodsNetwork() throws IOException {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            InterfaceAddress first =
                    new InterfaceAddress(node.podCidrs().getFirst().network().plus(1), 24);
            node.namespace().ip("link", "add", "cni0", "type", "bridge");
            node.namespace().ip("link", "set", "cni0", "up");
            node.namespace().ip("address", "add", first.toString(), "dev", "cni0");
            Path former = node.confDirectory().resolve("05-cilium.conf");
            Files.writeString(former, "{\"name\": \"cilium\", \"type\": \"cilium-cni\"}");
            node.startAgent();
            Await.until(
                    LIMIT,
                    () -> "the file that is read first is not told: " + node.logTail(),
                    () -> node.logLines().stream()
                            .anyMatch(line -> line.contains("event=conflist-fault cause=read_first")));
            awaitFault(node, node.name(), "address_held");
            assertThat(node.metrics()).contains("ikat_conflist_faults{cause=\"read_first\"} 1");
            assertThat(node.isReady()).isFalse();
            String status = node.status().stdout();
            assertThat(status)
                    .contains(
                            "address " + first.address() + " of pod CIDR "
                                    + node.podCidrs().getFirst() + " is that of this host's link cni0",
                            "ip link delete cni0",
                            "mv " + former + " " + former + ".disabled");

            Files.delete(former);
            node.awaitReady(Cluster.READY_LIMIT);
            ClusterPod pod = node.addPod("first");
            pod.serve();
            ClusterPod other = node.addPod("second");
            assertThat(pod.addresses()).doesNotContain(first.address());
            assertThat(Probe.failures(other.targets(pod), Duration.ofSeconds(3)))
                    .isEmpty();
            assertThat(Probe.failures(
                            List.of(Probe.Target.icmp(
                                    node.namespace(), pod.addresses().getFirst())),
                            Duration.ofSeconds(3)))
                    .isEmpty();

            node.namespace().ip("link", "delete", "cni0");
            Await.until(
                    LIMIT,
                    () -> "faults that are over are still told: " + node.metrics(),
                    () -> !node.metrics().contains("ikat_node_faults{"));
        }
    }
}
