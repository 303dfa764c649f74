package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import org.junit.jupiter.api.Test;

/** Hosts whose network is set up otherwise than Ikat would: its pods reach each other, or it says why not. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class HostSettingsIT {
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
}
