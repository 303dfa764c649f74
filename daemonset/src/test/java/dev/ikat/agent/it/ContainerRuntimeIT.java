package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ContainerRuntime;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresPackage;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Real container runtimes call /opt/cni/bin/ikat. */
@RequiresRoot
@RequiresPackage({"busybox-static", "runc"})
final class ContainerRuntimeIT {
    @Test
    @RequiresPackage("containerd")
    void containerdsContainersReachEachOtherAndLeaveNothing() {
        twoContainers((node, home) ->
                new ContainerRuntime.Containerd(node.runtimeHost().orElseThrow(), home));
    }

    @Test
    @RequiresPackage("podman")
    void podmansContainersReachEachOtherAndLeaveNothing() {
        twoContainers((node, home) -> new ContainerRuntime.Podman(
                node.runtimeHost().orElseThrow(), home, node.network().name()));
    }

    private static void twoContainers(BiFunction<ClusterNode, Path, ContainerRuntime> factory) {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(2).withRuntimeHosts());
                TestDirectory home = TestDirectory.create()) {
            ClusterNode node = cluster.node(0);
            List<String> before = node.state();
            try (ContainerRuntime runtime = factory.apply(node, home.path())) {
                runtime.start("one");
                runtime.start("two");
                List<IpAddress> one = runtime.addresses("one");
                List<IpAddress> two = runtime.addresses("two");

                assertThat(one).hasSize(2).allMatch(cluster::isPodAddress);
                assertThat(two).hasSize(2).allMatch(cluster::isPodAddress).doesNotContainAnyElementsOf(one);
                assertThat(runtime.unreached("one", two)).isEmpty();
                assertThat(runtime.unreached("two", one)).isEmpty();
                assertThat(node.podLinks()).hasSize(2);
                assertThat(NodeWitness.leases(node)).hasSize(2);

                runtime.remove("one");
                runtime.remove("two");
                NodeWitness.awaitExactly(node);
                Await.until(
                        Duration.ofSeconds(10),
                        () -> before + " became " + node.state(),
                        () -> node.state().equals(before));
            }
        }
    }
}
