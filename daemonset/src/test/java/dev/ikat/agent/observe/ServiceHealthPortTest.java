package dev.ikat.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Load balancers are told whether a node does services, as kube-proxy tells them. */
class ServiceHealthPortTest {
    private static final Instant START = Instant.parse("2026-11-29T10:00:00Z");

    private final AtomicLong nanos = new AtomicLong();
    private final ServiceHealth health = new ServiceHealth(Clock.fixed(START, ZoneOffset.UTC), nanos::get);
    private final int number = freePort();
    private final ServiceHealthPort port = new ServiceHealthPort(number, health);
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        port.close();
        client.close();
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private HttpResponse<String> ask(String method, String path) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + number + path))
                        .method(method, HttpRequest.BodyPublishers.noBody())
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private int status(String path) throws IOException, InterruptedException {
        return ask("GET", path).statusCode();
    }

    @Test
    void nodeWithServicesInForceIsHealthy() throws Exception {
        port.serve();
        assertThat(status("/healthz")).isEqualTo(503);
        health.isInForce();

        HttpResponse<String> answer = ask("GET", "/healthz");

        assertThat(answer.statusCode()).isEqualTo(200);
        JsonNode body = new ObjectMapper().readTree(answer.body());
        assertThat(body.path("lastUpdated").asText()).isEqualTo(START.toString());
        assertThat(body.path("currentTime").asText()).isEqualTo(START.toString());
        assertThat(body.path("nodeEligible").asBoolean()).isTrue();
        assertThat(status("/livez")).isEqualTo(200);
        assertThat(ask("HEAD", "/healthz").statusCode()).isEqualTo(200);
        assertThat(status("/")).isEqualTo(404);
        assertThat(status("/healthz/more")).isEqualTo(404);
    }

    @Test
    void changeThatWaitsTooLongMakesItUnhealthy() throws Exception {
        port.serve();
        health.isInForce();
        health.waits();
        nanos.addAndGet(Duration.ofSeconds(59).toNanos());
        health.waits();
        assertThat(status("/healthz")).isEqualTo(200);

        nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        assertThat(status("/healthz")).isEqualTo(503);
        assertThat(status("/livez")).isEqualTo(503);

        health.isInForce();
        assertThat(status("/healthz")).isEqualTo(200);
    }

    @Test
    void nodeThatLeavesGetsNoNewConnectionsButIsAlive() throws Exception {
        port.serve();
        health.isInForce();

        health.nodeLeaves(true);

        HttpResponse<String> answer = ask("GET", "/healthz");
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.body()).contains("\"nodeEligible\": false");
        assertThat(status("/livez")).isEqualTo(200);
    }

    @Test
    void portThatIsTakenIsNamedAndServedWhenItIsFree() throws Exception {
        health.isInForce();
        try (ServerSocket taken = new ServerSocket(number, 1, InetAddress.ofLiteral("0.0.0.0"))) {
            port.serve();
            assertThat(port.failure())
                    .hasValueSatisfying(text -> assertThat(text).contains("port " + taken.getLocalPort()));
            assertThat(port.holds(number)).isFalse();
        }

        port.serve();

        assertThat(port.failure()).isEmpty();
        assertThat(port.holds(number)).isTrue();
        assertThat(status("/healthz")).isEqualTo(200);
        port.close();
        assertThatThrownBy(() -> status("/healthz")).isInstanceOf(ConnectException.class);
    }

    @Test
    void portZeroIsNone() {
        try (ServiceHealthPort none = new ServiceHealthPort(0, health)) {
            none.serve();

            assertThat(none.failure()).isEmpty();
            assertThat(none.holds(0)).isFalse();
        }
    }
}
