package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class JsonLogEncoderTest {
    private static JsonNode encoded(@Nullable Throwable thrown, String message, Object... values) throws IOException {
        LoggingEvent event = new LoggingEvent(
                "", new LoggerContext().getLogger("dev.ikat.agent.Agent"), Level.WARN, message, thrown, values);
        event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
        String line = new String(new JsonLogEncoder().encode(event), UTF_8);
        assertThat(line).endsWith("}\n").containsOnlyOnce("\n");
        return new ObjectMapper().readTree(line);
    }

    @Test
    void keysOfTheMessageAreTheObjects() throws IOException {
        assertThat(encoded(
                        null,
                        "event=policy-drop peer={} cidrs={} reason=\"{}\" pods={}",
                        "10.0.0.1 (a/b)",
                        "[10.0.0.0/8, fd00::/8]",
                        "it said \"no\", a=b",
                        2))
                .isEqualTo(new ObjectMapper().readTree("""
                        {"time": "2026-01-02T03:04:05.678Z", "level": "WARN", "logger": "Agent",
                         "event": "policy-drop", "peer": "10.0.0.1 (a/b)", "cidrs": "[10.0.0.0/8, fd00::/8]",
                         "reason": "it said \\"no\\", a=b", "pods": "2"}
                        """));
    }

    @Test
    void wordsAndRepeatedKeysAreKept() throws IOException {
        JsonNode line = encoded(null, "manifests are read directory=/x level=9");
        assertThat(line.path("message").asText()).isEqualTo("manifests are read");
        assertThat(line.path("directory").asText()).isEqualTo("/x");
        assertThat(line.path("level_").asText()).isEqualTo("9");
    }

    @Test
    void exceptionIsOneField() throws IOException {
        JsonNode line = encoded(new IllegalStateException("broken"), "event=failed");
        assertThat(line.path("exception").asText()).contains("IllegalStateException: broken", "\tat ");
    }

    @Test
    void noValuePassesForAnythingElseAndNoneIsChanged() throws IOException {
        String forged = "c1 event=forged\u001b[2J\u0000\u2028\u202e\u007f\u0085\" level=ERROR\\ \ud83d\ude00";
        LoggingEvent event = new LoggingEvent(
                "",
                new LoggerContext().getLogger("dev.ikat.agent.Agent"),
                Level.WARN,
                "event=answered container={} error=\"{}\"",
                null,
                new Object[] {forged, forged});

        String line = new String(new JsonLogEncoder().encode(event), UTF_8);

        assertThat(line).matches("[\\x20-\\x7e\ud83d\ude00]*\n");
        JsonNode read = new ObjectMapper().readTree(line);
        assertThat(read.path("event").asText()).isEqualTo("answered");
        assertThat(read.path("container").asText()).isEqualTo(forged);
        assertThat(read.path("error").asText()).isEqualTo(forged);
        assertThat(read.size()).isEqualTo(6);
    }
}
