package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.ClusterChange;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a cluster the kubelet replaces the service account's token while the agent runs. */
class ServiceAccountTest {
    private static final String NAMESPACES = "/api/v1/namespaces";

    @TempDir
    private Path account;

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private ApiTestServer server = ApiTestServer.start(0);
    private KubernetesSource source;

    @BeforeEach
    void start() throws Exception {
        try (InputStream certificate = ServiceAccountTest.class.getResourceAsStream("ca.crt")) {
            Files.copy(certificate, account.resolve("ca.crt"));
        }
        rotate("a");
        server.demand("a");
        namespace("first");
        source = KubernetesSource.open(
                ApiConnection.ofAccount(account, "http://127.0.0.1:" + server.port()),
                ApiKinds.NETWORKING,
                account.resolve("state"),
                Patience.DEFAULT,
                new ApiMetrics(new PrometheusRegistry(), Clock.systemUTC()));
        source.start(changes::add);
        assertNextIs("first");
    }

    @AfterEach
    void stop() {
        source.close();
        server.close();
    }

    /** As the kubelet does: never half a token. */
    private void rotate(String token) throws IOException {
        Path whole = Files.writeString(account.resolve("..token"), token + "\n");
        Files.move(whole, account.resolve("token"), StandardCopyOption.ATOMIC_MOVE);
    }

    private void namespace(String name) {
        server.put(NAMESPACES, name, "{\"metadata\":{\"name\":\"" + name + "\"}}");
    }

    private void assertNextIs(String namespace) throws InterruptedException {
        ClusterChange change = changes.poll(10, TimeUnit.SECONDS);
        assertThat(change).as("faults: %s", source.faults()).isNotNull();
        assertThat(change == null ? "" : change.added().getFirst().name()).isEqualTo(namespace);
    }

    @Test
    void eventsGoOnWithTheNextToken() throws Exception {
        rotate("b");
        server.demand("b");
        server.endWatches();
        namespace("second");

        assertNextIs("second");
    }

    @Test
    void eventsGoOnWhereTheTokenWasReplacedDuringAnOutage() throws Exception {
        int port = server.port();
        server.close();
        rotate("b");
        server = ApiTestServer.start(port);
        server.demand("b");
        namespace("first");
        namespace("second");
        server.forget();

        assertNextIs("second");
    }

    @Test
    void missingTokenIsSaidAtOnce() throws IOException {
        Files.delete(account.resolve("token"));

        assertThatThrownBy(() -> ApiConnection.ofAccount(account, "http://127.0.0.1:1"))
                .isInstanceOf(ClusterSourceException.class)
                .hasMessageContaining("the service account's token " + account.resolve("token") + " can't be read");
    }
}
