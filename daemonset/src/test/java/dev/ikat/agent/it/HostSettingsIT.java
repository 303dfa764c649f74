package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hosts whose network is set up otherwise than Ikat would: its pods reach each other, or it says why not. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class HostSettingsIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Test
    void podsHaveIpv6ThoughTheHostHasItOffForNewLinks() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            cluster.nodes().forEach(node -> node.namespace().sysctl("net.ipv6.conf.default.disable_ipv6", "1"));
            cluster.startAgents();
            cluster.nodes().forEach(node -> node.addPod("on-" + node));

            assertThat(cluster.pods()).allMatch(pod -> pod.addresses().size() == 2);
            NodeWitness.assertAllPairsConnect(cluster);
            assertThat(cluster.node(0).namespace().exec("sysctl", "-n", "net.ipv6.conf.default.disable_ipv6"))
                    .isEqualTo("1\n");
        }
    }

    @Test
    void overAnUplinkTooSmallForIpv6PodsHaveIpv4() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            cluster.nodes().forEach(node -> node.namespace().ip("link", "set", "eth0", "mtu", "1280"));
            cluster.startAgents();
            cluster.nodes().forEach(node -> node.addPod("on-" + node));

            assertThat(cluster.pods())
                    .allMatch(pod -> pod.addresses().size() == 1
                            && pod.address(IpFamily.IPV4).isPresent());
            NodeWitness.assertAllPairsConnect(cluster);
            ClusterNode node = cluster.node(0);
            assertThat(node.metrics()).contains("ikat_node_faults{cause=\"mtu\",node=\"" + node.name() + "\"} 1.0");
            assertThat(node.logLines())
                    .filteredOn(line -> line.contains("level=WARN"))
                    .singleElement()
                    .asString()
                    .contains("raise the MTU of the uplink eth0 from 1280 to at least 1330");
        }
    }

    /** As behind docker0: no other node knows where its address is. */
    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables"})
    void othersBehindANodeReachPodsOfAnotherIfTheyAreMasqueraded(String backend) {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2)
                        .withAgentArguments("--masquerade-foreign=true", "--policy-backend=" + backend));
                TestNamespace container = TestNamespace.create()) {
            TestNamespace host = cluster.node(0).namespace();
            host.ip("link", "add", "others0", "type", "veth", "peer", "name", "eth0", "netns", container.name());
            host.ip("address", "add", "172.17.0.1/24", "dev", "others0");
            host.ip("link", "set", "others0", "up");
            container.ip("address", "add", "172.17.0.2/24", "dev", "eth0");
            container.ip("link", "set", "eth0", "up");
            container.ip("route", "add", "default", "via", "172.17.0.1");
            IpAddress own = address(cluster.node(0).addPod("own"));
            IpAddress other = address(cluster.node(1).addPod("other"));

            assertThat(Probe.failures(
                            List.of(Probe.Target.icmp(container, own), Probe.Target.icmp(container, other)), LIMIT))
                    .isEmpty();
        }
    }

    /**
     * As kube-proxy's do where it is not told which addresses are pods': the source was chosen for another destination.
     */
    @ParameterizedTest
    @CsvSource({"nftables, vxlan", "iptables, vxlan", "ebpf, vxlan", "nftables, direct"})
    void nodesOwnConnectionsThatAnotherProgramTranslatesReachPodsOfAnotherNode(String backend, String overlay) {
        try (Cluster cluster = Cluster.start(
                Cluster.Options.nodes(2).withAgentArguments("--overlay=" + overlay, "--policy-backend=" + backend))) {
            ClusterNode node = cluster.node(0);
            ClusterPod other = cluster.node(1).addPod("other");
            node.namespace().ip("route", "add", "198.51.100.80", "dev", "eth0");
            node.namespace().ip("-6", "route", "add", "2001:db8::80", "dev", "eth0");
            node.namespace().exec("nft", """
                            add table inet services
                            add chain inet services output { type nat hook output priority -100; }
                            add rule inet services output ip daddr 198.51.100.80 dnat ip to %s
                            add rule inet services output ip6 daddr 2001:db8::80 dnat ip6 to %s
                            """.formatted(
                            address(other), other.address(IpFamily.IPV6).orElseThrow()));

            assertThat(Probe.failures(
                            Stream.of("198.51.100.80", "2001:db8::80")
                                    .map(service -> Probe.Target.icmp(node.namespace(), IpAddress.parse(service)))
                                    .toList(),
                            LIMIT))
                    .isEmpty();
        }
    }

    private static IpAddress address(ClusterPod pod) {
        return pod.address(IpFamily.IPV4).orElseThrow();
    }
}
