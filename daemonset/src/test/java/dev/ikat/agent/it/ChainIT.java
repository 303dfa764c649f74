package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresPackage;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The agent's network with the reference plugins chained after Ikat, as clusters run it. */
@RequiresRoot
@RequiresPackage("containernetworking-plugins")
final class ChainIT {
    private static final String PLUGINS = "--cni-bin-dir=/usr/lib/cni";

    @Test
    @RequiresKernel(KernelFeature.IPTABLES_NAT)
    void aHostPortLeadsToThePod() {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2).withAgentArguments("--chain=portmap", PLUGINS))) {
            ClusterNode node = cluster.node(0);
            ClusterPod pod = node.addPod("published", Json.parse("""
                            {"portMappings": [{"hostPort": 8080, "containerPort": %d, "protocol": "tcp"}]}""".formatted(ClusterPod.PORT)));
            pod.serve();
            ClusterPod stranger = cluster.node(1).addPod("stranger");

            assertThat(Probe.failures(
                            List.of(
                                    Probe.Target.tcp(
                                            cluster.node(1).namespace(),
                                            node.internalIps().getFirst().address(),
                                            8080),
                                    Probe.Target.tcp(
                                            stranger.namespace(),
                                            node.internalIps().getFirst().address(),
                                            8080)),
                            Duration.ofSeconds(3)))
                    .isEmpty();

            pod.delete();
            NodeWitness.awaitExactly(node);
            assertThat(node.namespace().exec("iptables-save", "-t", "nat")).doesNotContain("8080");
        }
    }

    @Test
    @RequiresKernel({KernelFeature.TBF, KernelFeature.IFB})
    void bandwidthShapesThePodsLink() {
        try (Cluster cluster =
                Cluster.start(Cluster.Options.nodes(1).withAgentArguments("--chain=bandwidth", PLUGINS))) {
            ClusterNode node = cluster.node(0);
            ClusterPod pod = node.addPod("shaped", Json.parse("""
                            {"bandwidth": {"ingressRate": 8000000, "ingressBurst": 8000000}}"""));

            assertThat(node.namespace()
                            .exec("tc", "qdisc", "show", "dev", node.podLinks().getFirst()))
                    .contains("tbf");
            pod.delete();
            NodeWitness.awaitExactly(node);
        }
    }
}
