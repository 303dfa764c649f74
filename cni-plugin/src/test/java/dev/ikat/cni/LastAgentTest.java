package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LastAgentTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    @TempDir
    private Path directory;

    private final Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);

    private Instant renewedAfter(int seconds) throws IOException {
        Path file = directory.resolve("agent.lock");
        Files.writeString(file, "1");
        Files.setLastModifiedTime(file, FileTime.from(NOW.minusSeconds(seconds)));
        new LastAgent(directory, clock).renew();
        return Files.getLastModifiedTime(file).toInstant();
    }

    /** The agent watches the directory, and would be told of its own renewal again and again. */
    @Test
    void renewsWhatIsOldAndNotWhatIsNew() throws IOException {
        assertThat(renewedAfter(30)).isEqualTo(NOW);
        assertThat(renewedAfter(5)).isEqualTo(NOW.minusSeconds(5));
        assertThat(renewedAfter(-3600)).as("the clock was put back").isEqualTo(NOW);
    }

    @Test
    void nextAgentIsExpectedForAWhile() throws IOException {
        LastAgent last = new LastAgent(directory, clock);
        assertThat(last.isRecent()).as("there was none").isFalse();
        renewedAfter(30);
        assertThat(last.isRecent()).isTrue();
        Files.setLastModifiedTime(directory.resolve("agent.lock"), FileTime.from(NOW.minusSeconds(91)));
        assertThat(last.isRecent()).isFalse();
    }
}
