package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class NodeAnnouncerTest {
    private static final String NODE = "/api/v1/nodes/a/status";
    private static final Duration SHORT = Duration.ofMillis(10);
    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    private Path directory;

    private final ApiTestServer server = ApiTestServer.start(0);
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
    private final Logger logger = (Logger) LoggerFactory.getLogger(NodeAnnouncer.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private ApiConnection api;

    @BeforeEach
    void open() throws IOException {
        api = ApiConnection.open(
                ApiAddress.parse(server.kubeconfig(directory.resolve("config")).toString()));
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void close() {
        logger.detachAppender(log);
        timer.shutdownNow();
        api.close();
        server.close();
    }

    /** @param repeat between two announcements that the API took */
    private NodeAnnouncer announcer(Duration repeat) {
        return new NodeAnnouncer(api, timer, new Patience(LONG, LONG, LONG, LONG, SHORT, repeat, LONG, LONG));
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(30), () -> what + "; the API was asked: " + server.requests(), condition);
    }

    @Test
    void refusedAnnouncementIsRepeatedUntilItIsTaken() {
        server.refuse(NODE, 500, 3);

        announcer(LONG).networkWorks("a");

        until("taken", () -> !server.patches().isEmpty());
        assertThat(server.requests())
                .as("three refusals, and the one that was taken")
                .hasSize(4)
                .containsOnly("PATCH " + NODE);
        assertThat(server.patches())
                .singleElement()
                .satisfies(patch -> assertThat(patch)
                        .startsWith(
                                "{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"False\","));
    }

    @Test
    void takenAnnouncementIsRepeatedInTheSameWords() {
        announcer(SHORT).networkWorks("a");

        until("said again", () -> server.patches().size() > 2);
        assertThat(Set.copyOf(server.patches())).hasSize(1);
    }

    @Test
    void oneReasonIsLoggedOnceUntilItIsOver() {
        server.refuse(NODE, 500, 3);
        NodeAnnouncer announcer = announcer(SHORT);
        announcer.networkWorks("a");
        until("taken", () -> !server.patches().isEmpty());
        assertThat(log.list).extracting(ILoggingEvent::getMessage).containsExactly("api-node-condition-failed");

        server.refuse(NODE, 500, 2);
        int before = server.patches().size();
        until("taken again", () -> server.patches().size() > before + 1);

        assertThat(log.list).hasSize(2);
    }

    @Test
    void nothingIsSaidAfterTheTimerHasEnded() {
        NodeAnnouncer announcer = announcer(SHORT);
        timer.shutdownNow();

        announcer.networkWorks("a");

        assertThat(server.requests()).isEmpty();
        assertThat(log.list)
                .as("it is no failure")
                .noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.WARN));
    }
}
