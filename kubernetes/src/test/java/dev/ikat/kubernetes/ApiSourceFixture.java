package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A source that reads a small cluster from an {@link ApiTestServer}, and what is heard of it. */
abstract class ApiSourceFixture {
    static final String PODS = "/api/v1/pods";
    static final String NODES = "/api/v1/nodes";
    static final String NAMESPACES = "/api/v1/namespaces";
    static final String POLICIES = "/apis/networking.k8s.io/v1/networkpolicies";

    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-01-02T03:04:05.500Z"), ZoneOffset.UTC);
    static final Patience IMPATIENT = new Patience(
            Duration.ofMillis(200),
            Duration.ofSeconds(20),
            Duration.ofMillis(10),
            Duration.ofMillis(10),
            Duration.ofMillis(100),
            Duration.ofMillis(100),
            Duration.ofMillis(100),
            Duration.ofMillis(100));

    @TempDir
    Path directory;

    final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    PrometheusRegistry registry = new PrometheusRegistry();
    ApiTestServer server = ApiTestServer.start(0);
    KubernetesSource source;

    @BeforeEach
    final void serve() throws IOException {
        server.put(NODES, "a", node("a", "10.244.1.0/24", "192.0.2.1"));
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\",\"labels\":{\"team\":\"x\"}}}");
        server.put(PODS, "web", pod("web", "web", "10.244.1.2"));
        server.put(POLICIES, "deny", policy("deny", "\"podSelector\":{}"));
        source = open(Patience.DEFAULT);
    }

    final KubernetesSource open(Patience patience) throws IOException {
        registry = new PrometheusRegistry();
        return KubernetesSource.open(
                ApiConnection.open(ApiAddress.parse(
                        server.kubeconfig(directory.resolve("config")).toString())),
                ApiKinds.NETWORKING,
                directory.resolve("state"),
                patience,
                new ApiMetrics(registry, CLOCK));
    }

    @AfterEach
    final void stop() {
        source.close();
        server.close();
    }

    static String node(String name, String cidr, String ip) {
        return """
                {"metadata":{"name":"%s","labels":{"zone":"z"},"managedFields":[{"a":{"b":[1,2]}}]},
                 "spec":{"podCIDR":"%s","podCIDRs":["%s"],"taints":[{"key":"x"}]},
                 "status":{"addresses":[{"type":"InternalIP","address":"%s"},{"type":"Hostname","address":"%s"}],
                           "conditions":[{"type":"Ready","status":"True"}]}}
                """.formatted(name, cidr, cidr, ip, name);
    }

    static String pod(String name, String app, String ip) {
        return """
                {"metadata":{"name":"%s","namespace":"shop","labels":{"app":"%s"},"annotations":{"n":"x"}},
                 "spec":{"nodeName":"a","containers":[{"name":"c","image":"i","env":[{"name":"E","value":"v"}],
                         "ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}]},
                 "status":{"phase":"Running","podIP":"%s","podIPs":[{"ip":"%s"}],"startTime":null}}
                """.formatted(name, app, ip, ip);
    }

    static String policy(String name, String spec) {
        return "{\"metadata\":{\"name\":\"" + name + "\",\"namespace\":\"shop\"},\"spec\":{" + spec + "}}";
    }

    final ClusterChange start() throws InterruptedException {
        source.start(changes::add);
        return next();
    }

    final ClusterChange next() throws InterruptedException {
        ClusterChange change = changes.poll(10, TimeUnit.SECONDS);
        assertThat(change)
                .as("a change within 10 s; faults: %s", source.faults())
                .isNotNull();
        return change == null ? new ClusterChange(List.of(), List.of(), List.of()) : change;
    }

    static List<String> names(List<? extends ClusterObject> objects) {
        return objects.stream().map(object -> object.key().toString()).sorted().toList();
    }

    final void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(30), () -> what + "; faults: " + source.faults(), condition);
    }
}
