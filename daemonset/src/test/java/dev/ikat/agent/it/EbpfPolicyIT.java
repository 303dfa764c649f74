package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.TestNamespace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** On eBPF. */
final class EbpfPolicyIT extends PolicyBehaviour {
    EbpfPolicyIT() {
        super("--policy-backend=ebpf");
    }

    @Test
    void podsThatComeAndGoAreNoDrift() throws Exception {
        start();
        long puts = puts();
        CniNetwork network = node.network();
        long end = System.nanoTime() + Duration.ofSeconds(4).toNanos();
        List<Future<?>> workers = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int worker = 0; worker < 4; worker++) {
                workers.add(threads.submit(() -> {
                    while (System.nanoTime() < end) {
                        try (TestNamespace pod = TestNamespace.create()) {
                            CniNetwork.Sandbox sandbox = ClusterNode.sandbox("churn", pod.path());
                            network.add(sandbox);
                            network.delete(sandbox);
                        }
                    }
                }));
            }
        }
        for (Future<?> worker : workers) {
            worker.get();
        }

        assertThat(node.logLines()).noneMatch(line -> line.contains("event=policy-drift"));
        assertThat(puts()).isEqualTo(puts);
    }

    /** How often all of the policy was put in force anew. */
    private long puts() {
        return node.logLines().stream()
                .filter(line -> line.contains("event=policy-in-force"))
                .count();
    }

    @Test
    void podThatDoesNotFitIsRefusedAndTheOthersGoOn() {
        // Two pods, of two addresses each.
        start("--ebpf-table-limits=addresses=4");
        ClusterPod server = add("server", "server");
        ClusterPod client = add("client", "client");
        server.serve();
        awaitReach(client, server, true);
        List<String> before = node.podLinks();
        assertThatThrownBy(() -> add("third", "client"))
                .isInstanceOfSatisfying(
                        CniFailedException.class,
                        e -> assertThat(e.getMessage())
                                .contains("\"code\":11")
                                .contains("the eBPF table addresses is full: it has 4 rows")
                                .contains("ebpf-table-limits"));
        assertThat(node.podLinks()).isEqualTo(before);
        awaitReach(client, server, true);

        node.awaitReady(Cluster.READY_LIMIT);
        cluster.apply("deny.yaml", DENY_ALL);
        awaitReach(client, server, false);
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        awaitReach(client, server, true);
        client.delete();
        ClusterPod third = add("third", "client");
        awaitReach(third, server, true);
    }
}
