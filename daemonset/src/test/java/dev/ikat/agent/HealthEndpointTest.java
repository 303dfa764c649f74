package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
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
        endpoint = HealthEndpoint.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), metrics, readiness);
    }

    @AfterEach
    void stop() {
        endpoint.close();
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + endpoint.port() + path);
        return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
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
        metrics.repaired(Readiness.Part.OVERLAY, ReconcileLoop.Cause.DRIFT, 3);
        metrics.failed(Readiness.Part.MASQUERADE);
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
}
