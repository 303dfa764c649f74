package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.Cidr;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.requirement.RequiresRoot;
import org.junit.jupiter.api.Test;

/** A node that has no address left says so, and goes on as soon as it has one. */
@RequiresRoot
final class ExhaustionIT {
    /** Eight addresses; the network's and the broadcast address are kept free. */
    private static final Cidr SMALL = Cidr.parse("10.244.1.0/29");

    private static final int USABLE = 6;

    @Test
    void aFullRangeRecoversAsSoonAsAnAddressIsFreed() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            node.setPodCidrs(SMALL);
            cluster.startAgents();
            for (int i = 0; i < USABLE; i++) {
                node.addPod("pod-" + i);
            }
            ClusterPod first = node.pods().getFirst();

            assertThatThrownBy(() -> node.addPod("one-too-many"))
                    .isInstanceOf(CniFailedException.class)
                    .hasMessageContaining("10.244.1.0/29")
                    .satisfies(error ->
                            assertThat(((CniFailedException) error).code()).isEqualTo(11));
            NodeWitness.awaitExactly(node);

            first.delete();
            ClusterPod next = node.addPod("next");

            assertThat(next.addresses()).isEqualTo(first.addresses());
            NodeWitness.assertAllPairsConnect(cluster);
        }
    }

    @Test
    void aPodWhoseNamespaceWentWithoutDelIsNoLeak() {
        try (Cluster cluster = Cluster.start(
                Cluster.Options.nodes(1).withAgentArguments("--lease-grace=1s", "--reconcile-interval=1s"))) {
            ClusterNode node = cluster.node(0);
            ClusterPod pod = node.addPod("forgotten");
            assertThat(NodeWitness.leases(node)).hasSize(1);

            pod.vanish();

            NodeWitness.awaitExactly(node);
        }
    }
}
