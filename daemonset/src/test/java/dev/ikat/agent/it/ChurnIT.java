package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Many pods come and go at the same time. */
@RequiresRoot
final class ChurnIT {
    private static final int CYCLES = 2_000;
    private static final int AT_ONCE = 20;

    @Test
    void twoThousandPodsLeaveNothing() throws InterruptedException, ExecutionException {
        try (Cluster cluster = Cluster.start(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            CniNetwork network = node.network();
            List<String> before = node.state();
            Set<String> inUse = ConcurrentHashMap.newKeySet();
            List<Future<?>> cycles = new ArrayList<>();
            try (ExecutorService workers = Executors.newFixedThreadPool(AT_ONCE)) {
                for (int i = 0; i < CYCLES; i++) {
                    String name = "pod-" + i;
                    cycles.add(workers.submit(() -> cycle(network, name, inUse)));
                }
            }
            for (Future<?> cycle : cycles) {
                cycle.get();
            }

            NodeWitness.awaitExactly(node);
            assertThat(node.state()).isEqualTo(before);
        }
    }

    private static void cycle(CniNetwork network, String name, Set<String> inUse) {
        try (TestNamespace pod = TestNamespace.create()) {
            CniNetwork.Sandbox sandbox = ClusterNode.sandbox(name, pod.path());
            List<String> addresses = network.add(sandbox).get("ips").stream()
                    .map(ip -> ip.get("address").text())
                    .toList();
            assertThat(addresses).hasSize(2).allMatch(inUse::add, "is nobody else's");
            // Given up before DEL: from then on somebody else may get it.
            addresses.forEach(inUse::remove);
            network.delete(sandbox);
        }
    }
}
