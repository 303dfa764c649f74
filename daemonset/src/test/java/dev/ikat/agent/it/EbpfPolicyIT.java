package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.testbed.Cluster;
import dev.ikat.testbed.ClusterPod;
import dev.ikat.testbed.CniFailedException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** On eBPF. */
final class EbpfPolicyIT extends PolicyBehaviour {
    EbpfPolicyIT() {
        super("--policy-backend=ebpf");
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
                                .contains("the eBPF table addresses is full with 4 rows")
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
