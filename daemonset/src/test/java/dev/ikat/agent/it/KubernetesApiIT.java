package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The agent asks an API server; that goes, the agent is killed meanwhile, and the server comes back. */
class KubernetesApiIT extends ApiScene {
    private static final String POLICIES = "/apis/networking.k8s.io/v1/networkpolicies";
    private static final Duration PROBE_LIMIT = Duration.ofSeconds(1);
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static boolean reaches(ClusterPod from, ClusterPod to) {
        return Probe.failures(
                        List.of(Probe.Target.tcp(
                                from.namespace(), to.addresses().getFirst(), ClusterPod.PORT)),
                        PROBE_LIMIT)
                .isEmpty();
    }

    private static void until(String what, BooleanSupplier condition) {
        Await.until(LIMIT, () -> what, condition);
    }

    private void denyServer() {
        api.put(POLICIES, "deny", """
                {"metadata":{"name":"deny","namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"server"}}}}
                """);
    }

    @Test
    void whatTheApiSaysIsInForceAlsoWhileItIsGone() throws Exception {
        denyServer();
        start();
        until("the node is said to have a network", () -> !api.patches().isEmpty());
        until("a bookmark ends the silence", () -> {
            api.bookmark();
            return node.metrics().contains("ikat_api_silence_seconds{kind=\"networkpolicies\"} 0.");
        });
        ClusterPod server = add("server");
        server.serve();
        ClusterPod client = add("client");
        client.serve();
        assertThat(reaches(server, client)).isTrue();
        assertThat(reaches(client, server)).isFalse();
        until("what is known is kept", () -> Files.exists(node.stateDirectory().resolve("cluster.json.gz")));

        int port = api.port();
        api.close();
        until("status tells of the outage", () -> node.status().toString().contains("fault: networkpolicies: "));
        node.killAgent();
        start();

        assertThat(node.status().toString()).contains("in force is the cluster as of ");
        assertThat(node.metrics()).contains("ikat_degraded 1.0");
        assertThat(node.status().toString() + node.metrics()).doesNotContain(TOKEN);
        assertThat(reaches(client, server)).isFalse();
        ClusterPod late = node.addPod("shop", "late", new Json.Obj(Map.of()), TestNamespace.create());
        assertThat(reaches(late, server)).isFalse();
        assertThat(reaches(late, client)).as("what no policy is about").isTrue();

        api = serve(port);
        until("the API's word is in force again", () -> reaches(client, server));
        until("nothing of the snapshot is left", () -> node.metrics().contains("ikat_degraded 0.0"));
        until("status has no fault any more", () -> node.status().toString().contains("up to date with its source"));
        assertThat(node.status().toString() + node.metrics()).doesNotContain(TOKEN);
        for (String line : node.logLines()) {
            assertThat(new ObjectMapper().readTree(line).path("event").isTextual())
                    .as(line)
                    .isTrue();
            assertThat(line).doesNotContain(TOKEN);
        }
    }

    /** Of the node's agent nothing is left but the directory that survives: no process, link, rule, lease or socket. */
    @Test
    void rebootedNodeWiresItsPodsWhileTheApiIsGone() throws Exception {
        denyServer();
        start();
        ClusterPod before = add("server");
        Path kept = node.stateDirectory().resolve("cluster.json.gz");
        until("what is known is kept", () -> Files.exists(kept));
        byte[] snapshot = Files.readAllBytes(kept);
        int port = api.port();
        api.close();
        node.killAgent();
        cluster.close();

        cluster = Cluster.create(Cluster.Options.nodes(1));
        node = cluster.nodes().getFirst();
        Files.write(Files.createDirectories(node.stateDirectory()).resolve("cluster.json.gz"), snapshot);
        assertThat(node.runDirectory()).isEmptyDirectory();
        start();

        assertThat(node.status().toString()).contains("in force is the cluster as of ");
        assertThat(node.metrics()).contains("ikat_degraded 1.0");
        ClusterPod server = node.addPod("shop", "server", new Json.Obj(Map.of()), TestNamespace.create());
        ClusterPod client = node.addPod("shop", "client", new Json.Obj(Map.of()), TestNamespace.create());
        assertThat(server.addresses()).as("as after every reboot, the first").isEqualTo(before.addresses());
        server.serve();
        client.serve();
        assertThat(reaches(server, client)).isTrue();
        assertThat(reaches(client, server)).isFalse();

        api = serve(port);
        until("the API's word, that there is no policy, is in force", () -> reaches(client, server));
        until("nothing of the snapshot is left", () -> node.metrics().contains("ikat_degraded 0.0"));
    }
}
