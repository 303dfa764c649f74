package dev.ikat.agent.observe;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.ReconcileLoop;
import dev.ikat.agent.reconcile.ReconcileMetrics;
import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HealthEndpointTest {
    private final HttpClient client = HttpClient.newHttpClient();
    private final Metrics metrics = new Metrics();
    private final Readiness readiness = new Readiness();
    private HealthEndpoint endpoint;

    @BeforeEach
    void start() {
        endpoint = HealthEndpoint.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), metrics, readiness::reasons);
    }

    @AfterEach
    void stop() {
        endpoint.close();
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(request(path), HttpResponse.BodyHandlers.ofString());
    }

    private CompletableFuture<HttpResponse<String>> getLater(String path) {
        return client.sendAsync(request(path), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + endpoint.port() + path))
                .build();
    }

    @Test
    void readyzNamesEveryReasonUntilThereIsNone() throws Exception {
        for (Readiness.Part part : Readiness.Part.values()) {
            readiness.ready(part);
        }
        readiness.notReady(Readiness.Part.NODE, "node a is not known");
        readiness.notReady(Readiness.Part.SOCKET, "not listening");
        assertThat(get("/readyz").statusCode()).isEqualTo(503);
        assertThat(get("/readyz").body()).isEqualTo("node: node a is not known\nsocket: not listening\n");
        readiness.ready(Readiness.Part.NODE);
        readiness.ready(Readiness.Part.SOCKET);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertThat(get("/healthz").body()).isEqualTo("ok\n");
    }

    @Test
    void metricsHaveRequestsStepsLeasesAndRepairs() throws Exception {
        metrics.request("ADD", 0, 1_500_000);
        metrics.step("ADD", "link", 700_000);
        ReconcileMetrics loop = new ReconcileMetrics(metrics.registry());
        loop.repaired(Readiness.Part.OVERLAY, ReconcileLoop.Cause.DRIFT, 3);
        loop.failed(Readiness.Part.MASQUERADE);
        metrics.readiness(readiness::isReady);
        metrics.leases(callback -> callback.call(254, "10.0.0.0/24", "free"));
        assertThat(get("/metrics").body())
                .contains("ikat_cni_requests_total{code=\"0\",verb=\"ADD\"} 1.0")
                .contains("ikat_cni_request_seconds_bucket{verb=\"ADD\",le=\"0.0025\"} 1")
                .contains("ikat_cni_step_seconds_count{step=\"link\",verb=\"ADD\"} 1")
                .contains("ikat_repairs_total{cause=\"drift\",part=\"overlay\"} 3.0")
                .contains("ikat_reconcile_errors_total{part=\"masquerade\"} 1.0")
                .contains("ikat_addresses{range=\"10.0.0.0/24\",state=\"free\"} 254.0")
                .contains("ikat_ready 0.0");
    }

    @Test
    void otherPathsAndMethodsAreRefused() throws Exception {
        assertThat(get("/metrics/x").statusCode()).isEqualTo(404);
        assertThat(get("/other").statusCode()).isEqualTo(404);
        URI uri = URI.create("http://127.0.0.1:" + endpoint.port() + "/healthz");
        HttpRequest post = HttpRequest.newBuilder(uri)
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        assertThat(client.send(post, HttpResponse.BodyHandlers.ofString()).statusCode())
                .isEqualTo(405);
    }

    @Test
    void isAlsoServedAtMoreAddressesAsLongAsTheyAreSaid() throws Exception {
        InetSocketAddress second = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.2"), endpoint.port());
        InetSocketAddress sixth = new InetSocketAddress(InetAddress.ofLiteral("::1"), endpoint.port());
        InetSocketAddress nobodys = new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), endpoint.port());

        Map<InetSocketAddress, String> failures = endpoint.alsoAt(Set.of(second, sixth, nobodys));

        assertThat(failures).containsOnlyKeys(nobodys);
        assertThat(failures.get(nobodys)).contains("can't listen on /192.0.2.1:", "choose another --listen");
        assertThat(getFrom("127.0.0.2", "/healthz")).isEqualTo("ok\n");
        assertThat(getFrom("[::1]", "/metrics")).isNotEmpty();

        assertThat(endpoint.alsoAt(Set.of(sixth))).isEmpty();
        assertThat(getFrom("[::1]", "/healthz")).isEqualTo("ok\n");
        assertThat(getFrom("127.0.0.1", "/healthz")).isEqualTo("ok\n");
        assertThatThrownBy(() -> getFrom("127.0.0.2", "/healthz")).isInstanceOf(ConnectException.class);
    }

    private String getFrom(String host, String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://" + host + ":" + endpoint.port() + path);
        return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    /** More than a thread for each could serve, and more than may be asked for at once. */
    @Test
    void whoSendsSlowlyKeepsNobodyFromAsking() throws Exception {
        for (Readiness.Part part : Readiness.Part.values()) {
            readiness.ready(part);
        }
        String halfHeader = "GET /healthz HTTP/1.1\r\nX-Slow: ";
        String halfBody = "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf";
        String hugeHeader = "GET /healthz HTTP/1.1\r\nX-Huge: " + "a".repeat(100_000);
        long before = sockets();
        List<SocketChannel> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 500; i++) {
                slow.add(send(halfHeader));
            }
            for (int i = 0; i < 50; i++) {
                slow.add(send(""));
                slow.add(send(halfBody));
                slow.add(send(hugeHeader));
            }

            assertThat(getQuickly("/healthz")).isEqualTo(200);
            assertThat(getQuickly("/readyz")).isEqualTo(200);
            assertThat(getQuickly("/metrics")).isEqualTo(200);
            // One byte a second, as somebody does who wants to keep a connection.
            Await.until(Duration.ofSeconds(30), () -> "the server keeps connections: " + sockets(), () -> {
                slow.forEach(HealthEndpointTest::dribble);
                pause(Duration.ofMillis(500));
                return sockets() <= before + slow.size();
            });
            assertThat(getQuickly("/healthz")).isEqualTo(200);
        } finally {
            for (SocketChannel channel : slow) {
                channel.close();
            }
        }
    }

    @Test
    void whoReadsSlowlyKeepsNobodyFromAsking() throws Exception {
        // More than the kernel takes from the server for a reader that does not read.
        metrics.readiness(readiness::isReady);
        metrics.leases(callback -> {
            for (int i = 0; i < 40_000; i++) {
                callback.call(i, "10.%d.%d.0/24 and a long name".formatted(i / 256, i % 256), "free");
            }
        });
        long before = sockets();
        List<SocketChannel> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 8; i++) {
                slow.add(send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"));
            }

            assertThat(getQuickly("/healthz")).isEqualTo(200);
            assertThat(getQuickly("/metrics")).isEqualTo(200);
            Await.until(
                    Duration.ofSeconds(30),
                    () -> "the server waits for readers: " + sockets(),
                    () -> sockets() <= before + slow.size());
        } finally {
            for (SocketChannel channel : slow) {
                channel.close();
            }
        }
    }

    /** As on a slow machine, whose first collection of its metrics takes longer than a client may. */
    @Test
    void isGivenAsMuchTimeToPrepareAnAnswerAsItNeeds() throws Exception {
        endpoint.close();
        endpoint = new HealthEndpoint(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                metrics,
                readiness::reasons,
                Duration.ofSeconds(2));
        CountDownLatch asked = new CountDownLatch(1);
        CompletableFuture<Boolean> prepared = new CompletableFuture<>();
        metrics.readiness(() -> {
            asked.countDown();
            return prepared.join();
        });
        CompletableFuture<HttpResponse<String>> answer = getLater("/metrics");
        assertThat(asked.await(30, TimeUnit.SECONDS)).isTrue();

        // Until a client that came later had no more time. It connects from here: the threads of the endpoint's
        // executor may have been started by another test in a network namespace of its own.
        try (SocketChannel late = send("GET /healthz HTTP/1.1\r\nX-Slow: ")) {
            late.configureBlocking(true);
            prepared.complete(late.read(ByteBuffer.allocate(1)) < 0);
        } finally {
            prepared.complete(false);
        }

        assertThat(answer.join().statusCode()).isEqualTo(200);
        assertThat(answer.join().body()).contains("ikat_ready 1.0");
    }

    private SocketChannel send(String text) throws IOException {
        SocketChannel channel = SocketChannel.open();
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 4096);
        channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), endpoint.port()));
        channel.configureBlocking(false);
        channel.write(ByteBuffer.wrap(text.getBytes(US_ASCII)));
        return channel;
    }

    private static void dribble(SocketChannel channel) {
        try {
            channel.write(ByteBuffer.wrap(new byte[] {'a'}));
        } catch (IOException e) {
            // The server has closed it, as it should.
        }
    }

    private static void pause(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** One that never had anything to do with the endpoint, so that no connection is used again. */
    private int getQuickly(String path) throws IOException, InterruptedException {
        try (HttpClient fresh = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + endpoint.port() + path))
                    .timeout(Duration.ofSeconds(5))
                    .build();
            return fresh.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        }
    }

    /** This process' open sockets: the server's ends and the clients'. */
    private static long sockets() {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .filter(descriptor -> {
                        try {
                            return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
                        } catch (IOException e) {
                            return false;
                        }
                    })
                    .count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
