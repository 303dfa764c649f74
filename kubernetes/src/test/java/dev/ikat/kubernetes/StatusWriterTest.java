package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StatusWriterTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final ObjectKey TOR = new ObjectKey(ObjectKind.BGP_PEER, "", "tor");
    private static final ObjectCondition REFUSED =
            new ObjectCondition("Accepted", false, "PeerIsNode", "it is \"itself\"", 7);

    @TempDir
    private Path directory;

    private final ApiTestServer server = ApiTestServer.start(0);
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
    private ApiConnection api;

    @BeforeEach
    void open() throws IOException {
        api = ApiConnection.open(
                ApiAddress.parse(server.kubeconfig(directory.resolve("config")).toString()));
    }

    @AfterEach
    void close() {
        timer.shutdownNow();
        api.close();
        server.close();
    }

    @Test
    void conditionIsWrittenIntoTheObjectsStatus() throws IOException {
        new StatusWriter(api, timer).write(ApiKinds.BGP_PEERS, TOR, REFUSED);

        Await.until(
                LIMIT,
                () -> "asked: " + server.requests(),
                () -> !server.patches().isEmpty());
        assertThat(server.requests()).containsOnly("PATCH /apis/ikat.dev/v1alpha1/bgppeers/tor/status");
        JsonNode condition = new ObjectMapper()
                .readTree(server.patches().getFirst())
                .path("status")
                .path("conditions")
                .path(0);
        assertThat(condition.path("status").asText()).isEqualTo("False");
        assertThat(condition.path("message").asText()).isEqualTo("it is \"itself\"");
        assertThat(condition.path("observedGeneration").asLong()).isEqualTo(7);
        assertThat(condition.has("lastTransitionTime")).isTrue();
    }

    @Test
    void refusalIsNotTriedAgain() throws InterruptedException {
        server.refuse("/status", 403, 1);

        new StatusWriter(api, timer).write(ApiKinds.BGP_PEERS, TOR, REFUSED);

        Await.until(LIMIT, () -> "not asked", () -> !server.requests().isEmpty());
        timer.shutdown();
        assertThat(timer.awaitTermination(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(server.requests()).hasSize(1);
        assertThat(server.patches()).isEmpty();
    }
}
