package dev.ikat.kubernetes;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.policy.compiler.PolicyCompiler;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the pods of a large cluster take of the heap: two addresses, three labels, which a Deployment's pods share. */
class PodMemoryTest {
    private static final int PODS = 100_000;
    private static final double MEBIBYTE = 1024.0 * 1024;
    /** How many pods the Deployments have, in turns: seven on average. */
    private static final int[] REPLICAS = {1, 2, 3, 3, 5, 10, 25};

    /** Nothing is written to the disk meanwhile. */
    private static final Patience SELDOM = new Patience(
            Duration.ofHours(1),
            Duration.ofHours(1),
            Duration.ofMillis(1),
            Duration.ofHours(1),
            Duration.ofHours(1),
            Duration.ofHours(1),
            Duration.ofHours(1),
            Duration.ofHours(1));

    @TempDir
    private Path directory;

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private final CountDownLatch over = new CountDownLatch(1);
    private HttpServer server;
    private volatile int pods;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach
    void stop() {
        over.countDown();
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        exchange.sendResponseHeaders(200, 0);
        try (exchange;
                OutputStream out = new BufferedOutputStream(exchange.getResponseBody(), 65_536)) {
            if (String.valueOf(exchange.getRequestURI().getQuery()).contains("watch=1")) {
                out.flush();
                exchange.getResponseBody().flush();
                over.await();
                return;
            }
            out.write("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[".getBytes(UTF_8));
            if (exchange.getRequestURI().getPath().equals("/api/v1/pods")) {
                list(out);
            }
            out.write("]}".getBytes(UTF_8));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void list(OutputStream out) throws IOException {
        int deployment = 0;
        int left = REPLICAS[0];
        for (int i = 0; i < pods; i++) {
            if (left-- == 0) {
                deployment++;
                left = REPLICAS[deployment % REPLICAS.length] - 1;
            }
            out.write(((i == 0 ? "" : ",") + pod(deployment, i)).getBytes(UTF_8));
        }
    }

    private static String pod(int deployment, int i) {
        String team = "team-" + deployment % 500;
        String app = "service-" + deployment;
        // Ten digits.
        String hash = Long.toHexString(1L << 40 | (deployment * 0x9e3779b9L & 0xff_ffff_ffffL))
                .substring(1);
        return "{\"metadata\":{\"name\":\"" + app + "-" + hash + "-" + Integer.toString(36 * 36 * 36 + i, 36)
                + "\",\"namespace\":\"" + team + "\",\"resourceVersion\":\"1\",\"labels\":{\"app\":\"" + app
                + "\",\"pod-template-hash\":\"" + hash + "\",\"app.kubernetes.io/part-of\":\"" + team
                + "\"}},\"spec\":{\"nodeName\":\"node-" + i % 2000
                + "\",\"containers\":[{\"ports\":[{\"name\":\"http\",\"containerPort\":8080}]}]},"
                + "\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10." + (i >> 16) + "." + (i >> 8 & 255) + "."
                + (i & 255) + "\"},{\"ip\":\"fd00:10:244::" + Integer.toHexString(i >> 16) + ":"
                + Integer.toHexString(i & 0xffff) + "\"}]}}";
    }

    private KubernetesSource source(int count) throws IOException {
        pods = count;
        Path kubeconfig = Files.writeString(
                directory.resolve("config"), """
                apiVersion: v1
                kind: Config
                current-context: test
                clusters: [{name: test, cluster: {server: "http://127.0.0.1:%d"}}]
                contexts: [{name: test, context: {cluster: test, user: test}}]
                users: [{name: test, user: {token: ""}}]
                """.formatted(server.getAddress().getPort()));
        KubernetesSource source = KubernetesSource.open(
                ApiConnection.open(ApiAddress.parse(kubeconfig.toString())),
                ApiKinds.NETWORKING,
                // No directory can be made there, so that no snapshot is written at the end.
                kubeconfig.resolve("state"),
                SELDOM,
                new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));
        source.start(changes::add);
        return source;
    }

    private ClusterChange first() throws InterruptedException {
        return Optional.ofNullable(changes.poll(2, TimeUnit.MINUTES)).orElseThrow();
    }

    private static long heapInUse() throws InterruptedException {
        // The second collection takes what the first one found to be reachable by a finished thread's stack only.
        for (int i = 0; i < 2; i++) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    @Test
    void podTakesAtMost300BytesAndAHundredThousandWithTheirPoliciesIndex100Mebibytes() throws Exception {
        try (KubernetesSource _ = source(100)) {
            // What is loaded once, whatever the cluster is.
            new PolicyCompiler("node").update(first());
        }
        long before = heapInUse();
        try (KubernetesSource source = source(PODS)) {
            PolicyCompiler compiler = new PolicyCompiler("node");
            assertThat(compileFirst(compiler, () -> heapInUse() - before) / (double) PODS)
                    .as("bytes that the source keeps of a pod")
                    .isBetween(100.0, 300.0);

            assertThat((heapInUse() - before) / MEBIBYTE)
                    .as("MiB of %d pods, with the policy compiler's index of them", PODS)
                    .isBetween(10.0, 100.0);
            assertThat(compiler.program().pods()).isEmpty();
            assertThat(source.synced()).isTrue();
        }
    }

    /** Returns what {@code measure} said before; the change itself is gone when this returns. */
    private long compileFirst(PolicyCompiler compiler, Callable<Long> measure) throws Exception {
        ClusterChange first = first();
        assertThat(first.added()).hasSize(PODS);
        long measured = measure.call();
        compiler.update(first);
        return measured;
    }
}
