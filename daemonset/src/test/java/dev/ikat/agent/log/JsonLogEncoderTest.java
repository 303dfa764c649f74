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
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;

class JsonLogEncoderTest {
    private static final String OWN = "dev.ikat.agent.Agent";
    private static final String LIBRARY = "io.fabric8.kubernetes.client.Watch";

    private static String line(String logger, @Nullable Throwable thrown, String message, KeyValuePair... pairs) {
        LoggingEvent event =
                new LoggingEvent("", new LoggerContext().getLogger(logger), Level.WARN, message, thrown, new Object[0]);
        event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
        List.of(pairs).forEach(event::addKeyValuePair);
        return new String(new JsonLogEncoder().encode(event), UTF_8);
    }

    private static JsonNode encoded(String logger, @Nullable Throwable thrown, String message, KeyValuePair... pairs)
            throws IOException {
        String line = line(logger, thrown, message, pairs);
        assertThat(line).endsWith("}\n").containsOnlyOnce("\n");
        return new ObjectMapper().readTree(line);
    }

    private static KeyValuePair pair(String key, Object value) {
        return new KeyValuePair(key, value);
    }

    @Test
    void pairsAreTheObjectsMembers() throws IOException {
        assertThat(encoded(
                        OWN,
                        null,
                        "policy-drop",
                        pair("peer", "10.0.0.1 (a/b)"),
                        pair("cidrs", "[10.0.0.0/8, fd00::/8]"),
                        pair("reason", "it said \"no\", a=b"),
                        pair("pods", 2),
                        pair("share", 0.5),
                        pair("lost", true)))
                .isEqualTo(new ObjectMapper().readTree("""
                        {"time": "2026-01-02T03:04:05.678Z", "level": "WARN", "logger": "Agent",
                         "event": "policy-drop", "peer": "10.0.0.1 (a/b)", "cidrs": "[10.0.0.0/8, fd00::/8]",
                         "reason": "it said \\"no\\", a=b", "pods": 2, "share": 0.5, "lost": true}
                        """));
    }

    @Test
    void wordsAndRepeatedKeysAreKept() throws IOException {
        JsonNode line = encoded(LIBRARY, null, "manifests are read", pair("directory", "/x"), pair("level", 9));
        assertThat(line.path("message").asText()).isEqualTo("manifests are read");
        assertThat(line.path("directory").asText()).isEqualTo("/x");
        assertThat(line.path("level_").asText()).isEqualTo("9");
    }

    /** No text is searched for pairs: the words that were a forged event in a library's message stay words. */
    @Test
    void onlyThePairsOfTheLoggerAreMembers() throws IOException {
        JsonNode line = encoded(LIBRARY, null, "event=forged level=ERROR", pair("a=1 b", "c=2"));

        assertThat(line.path("message").asText()).isEqualTo("event=forged level=ERROR");
        assertThat(line.path("a=1 b").asText()).isEqualTo("c=2");
        assertThat(line.path("event").asText()).isEqualTo("library");
        assertThat(line.size()).isEqualTo(6);
    }

    @Test
    void exceptionIsOneField() throws IOException {
        JsonNode line = encoded(OWN, new IllegalStateException("broken"), "failed");
        assertThat(line.path("exception").asText()).contains("IllegalStateException: broken", "\tat ");
    }

    @Test
    void noValuePassesForAnythingElseAndNoneIsChanged() throws IOException {
        String forged = "c1 event=forged\u001b[2J\u0000\u2028\u202e\u007f\u0085\" level=ERROR\\ \ud83d\ude00";

        String line = line(OWN, null, "answered", pair("container", forged), pair("error", forged));

        assertThat(line).matches("[\\x20-\\x7e\ud83d\ude00]*\n");
        JsonNode read = new ObjectMapper().readTree(line);
        assertThat(read.path("event").asText()).isEqualTo("answered");
        assertThat(read.path("container").asText()).isEqualTo(forged);
        assertThat(read.path("error").asText()).isEqualTo(forged);
        assertThat(read.size()).isEqualTo(6);
    }
}
