package dev.ikat.agent.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pods of the real agent and launcher reach each other by real connections. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class ConnectivityIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @ParameterizedTest
    @ValueSource(strings = {"vxlan", "direct", "auto"})
    void podsOfTwoNodesReachEachOther(String overlay) {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2).withAgentArguments("--overlay=" + overlay))) {
            for (ClusterNode node : cluster.nodes()) {
                node.addPod(node + "-a");
                node.addPod(node + "-b");
            }

            assertThat(cluster.pods()).allMatch(pod -> pod.addresses().size() == 2);
            NodeWitness.assertAllPairsConnect(cluster);
            assertThat(cluster.node(0).namespace().linkNames().contains("ikat-vxlan"))
                    .isEqualTo(overlay.equals("vxlan"));
        }
    }

    @Test
    void autoGoesDirectlyWithinASubnetAndEncapsulatesAcross() {
        Cluster.Options options = Cluster.Options.nodes(3).withSubnets(0, 0, 1).withAgentArguments("--overlay=auto");
        try (Cluster cluster = Cluster.start(options)) {
            cluster.nodes().forEach(node -> node.addPod("on-" + node));

            NodeWitness.assertAllPairsConnect(cluster);
            ClusterNode first = cluster.node(0);
            assertThat(deviceOfRouteTo(first, cluster.node(1))).isEqualTo("eth0");
            assertThat(deviceOfRouteTo(first, cluster.node(2))).isEqualTo("ikat-vxlan");
        }
    }

    /** As the DaemonSet has it. */
    @Test
    void metricsAreServedToOtherNodesAtTheAddressesOfBothFamilies() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2));
                NetworkNamespace other =
                        NetworkNamespace.open(cluster.node(1).namespace().path())) {
            ClusterNode node = cluster.node(0);
            assertThat(node.internalIps()).hasSize(2).allSatisfy(own -> {
                IpAddress address = own.address();
                Await.until(
                        LIMIT,
                        () -> "no metrics at " + address + ": " + node.logTail(),
                        () -> other.<String>call(() -> get(address)).contains("node=\"" + node.name() + "\""));
            });
        }
    }

    /** The metrics that are served there; empty if none are. */
    private static String get(IpAddress address) {
        try (Socket socket = new Socket()) {
            socket.connect(
                    new InetSocketAddress(address.toInetAddress(), ClusterNode.LISTEN_PORT), (int) LIMIT.toMillis());
            socket.getOutputStream().write("GET /metrics HTTP/1.0\r\n\r\n".getBytes(UTF_8));
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    private static String deviceOfRouteTo(ClusterNode from, ClusterNode to) {
        return from.routes(IpFamily.IPV4).stream()
                .filter(route ->
                        route.get("dst").text().equals(to.podCidrs().getFirst().toString()))
                .map(route -> route.get("dev").text())
                .findFirst()
                .orElse("no route");
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.244.1.0/24", "fd00:10:244:1::/64"})
    void oneFamilyAlone(String podCidr) {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            cluster.node(0).setPodCidrs(Cidr.parse(podCidr));
            cluster.startAgents();
            cluster.node(0).addPod("one");
            cluster.node(0).addPod("two");

            assertThat(cluster.pods()).allMatch(pod -> pod.addresses().size() == 1);
            NodeWitness.assertAllPairsConnect(cluster);
        }
    }

    @Test
    void podsReachTheWorldOutsideWhichSeesTheNode() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(1))) {
            ClusterPod pod = cluster.node(0).addPod("traveller");
            try (Probe.Server _ = Probe.serve(cluster.underlay().namespace(), 80)) {
                // The underlay has no route to pods: an answer comes back only to a masqueraded packet.
                assertThat(Probe.failures(
                                List.of(
                                        Probe.Target.tcp(pod.namespace(), Underlay.OUTSIDE_V4, 80),
                                        Probe.Target.udp(pod.namespace(), Underlay.OUTSIDE_V4, 80),
                                        Probe.Target.icmp(pod.namespace(), Underlay.OUTSIDE_V4),
                                        Probe.Target.tcp(pod.namespace(), Underlay.OUTSIDE_V6, 80),
                                        Probe.Target.icmp(pod.namespace(), Underlay.OUTSIDE_V6)),
                                LIMIT))
                        .isEmpty();
            }
        }
    }

    @Test
    void nodeAndPodReachEachOther() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            ClusterPod pod = node.addPod("probed");
            pod.serve();
            try (Probe.Server _ = Probe.serve(node.namespace(), 10250)) {
                List<Probe.Target> targets = List.of(
                        Probe.Target.tcp(node.namespace(), pod.addresses().get(0), ClusterPod.PORT),
                        Probe.Target.tcp(node.namespace(), pod.addresses().get(1), ClusterPod.PORT),
                        Probe.Target.tcp(
                                pod.namespace(), node.internalIps().get(0).address(), 10250),
                        Probe.Target.tcp(
                                pod.namespace(), node.internalIps().get(1).address(), 10250));

                assertThat(Probe.failures(targets, LIMIT)).isEmpty();
            }
        }
    }

    @Test
    void podsLiveOnAndNewOnesComeAfterTheAgentWasReplaced() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2))) {
            cluster.nodes().forEach(node -> node.addPod("before-on-" + node));
            ClusterNode node = cluster.node(0);

            node.stopAgent();
            NodeWitness.assertAllPairsConnect(cluster);
            node.startAgent();
            node.awaitReady(Cluster.READY_LIMIT);
            node.addPod("after");

            NodeWitness.assertAllPairsConnect(cluster);
            NodeWitness.awaitExactly(node, LIMIT);
        }
    }

    @Test
    void aNodeThatComesLaterIsReachedAndOneThatGoesIsForgotten() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            ClusterNode first = cluster.node(0);
            ClusterNode second = cluster.node(1);
            cluster.withdraw(second);
            first.startAgent();
            first.awaitReady(Cluster.READY_LIMIT);
            first.addPod("early");

            cluster.publish(second);
            second.startAgent();
            second.awaitReady(Cluster.READY_LIMIT);
            second.addPod("late");
            dev.ikat.testbed.host.Await.until(
                    LIMIT,
                    () -> "no route to the new node",
                    () -> !deviceOfRouteTo(first, second).equals("no route"));
            NodeWitness.assertAllPairsConnect(cluster);

            cluster.withdraw(second);
            dev.ikat.testbed.host.Await.until(
                    LIMIT,
                    () -> "the old node's route stays",
                    () -> deviceOfRouteTo(first, second).equals("no route"));
        }
    }
}
