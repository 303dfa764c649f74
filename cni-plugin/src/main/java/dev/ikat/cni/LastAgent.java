package dev.ikat.cni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/**
 * When an agent was last at work: the modification time of its lock file, which it renews while it runs and when it
 * ends. For some seconds between two agents, as at each upgrade, STATUS says that all is well: a runtime that heard
 * otherwise would have the node, and with it all pods of the node, reported as not ready, although they lack nothing.
 * An ADD meanwhile is refused for the runtime to try it again.
 */
public final class LastAgent {
    /** The lock file's name in the run directory. */
    public static final String FILE = "agent.lock";

    /** Twice the interval in which an agent renews it by default, and time for the next one to be ready. */
    private static final Duration GRACE = Duration.ofSeconds(90);

    private static final Duration RENEWED_AFTER = Duration.ofSeconds(10);

    private final Path file;
    private final Clock clock;

    public LastAgent(Path runDirectory, Clock clock) {
        this.file = runDirectory.resolve(FILE);
        this.clock = clock;
    }

    /** Whether an agent was at work a moment ago, so that the next one is expected. */
    public boolean isRecent() {
        return clock.instant().isBefore(expected());
    }

    /** Until when the next one is expected; long ago if there was none. */
    public Instant expected() {
        try {
            return Files.getLastModifiedTime(file).toInstant().plus(GRACE);
        } catch (IOException e) {
            return Instant.EPOCH;
        }
    }

    /**
     * One is at work now. What was said a moment ago is not said again: whoever watches the directory is told of each
     * time, the agent itself among them.
     */
    public void renew() throws IOException {
        Instant now = clock.instant();
        if (Duration.between(Files.getLastModifiedTime(file).toInstant(), now)
                        .abs()
                        .compareTo(RENEWED_AFTER)
                > 0) {
            Files.setLastModifiedTime(file, FileTime.from(now));
        }
    }
}
