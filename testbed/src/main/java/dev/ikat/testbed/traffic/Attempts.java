package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Connections of TCP, one begun every so often whatever becomes of those before, and what has become of each. */
public final class Attempts implements AutoCloseable {
    private final ProbeConversation conversation;
    private final List<Attempt> attempts = new ArrayList<>();

    /**
     * A connection.
     *
     * @param began when it was begun, by the clock of this machine
     * @param accepted whether it was made in time
     */
    private record Attempt(Instant began, boolean accepted) {
        private static Attempt parse(String line) {
            String[] words = line.split(" ", -1);
            return new Attempt(
                    Instant.EPOCH.plus(Long.parseLong(words[0]), ChronoUnit.MICROS), words[1].equals("accepted"));
        }
    }

    /**
     * A time in which not all connections were made.
     *
     * @param length from its beginning until the last of those was begun that failed; zero if none did
     * @param failed how many failed
     * @param begun how many were begun, then and for as long as it was watched that no more failed
     */
    public record Outage(Duration length, long failed, long begun) {}

    private Attempts(ProbeConversation conversation) {
        this.conversation = conversation;
    }

    /**
     * Begins.
     *
     * @param every how often
     * @param limit how long a connection may take
     */
    public static Attempts start(TestNamespace from, IpAddress to, int port, Duration every, Duration limit) {
        Attempts attempts = new Attempts(ProbeConversation.begin(
                "attempts",
                from.path().toString(),
                to.toString(),
                Integer.toString(port),
                Long.toString(every.toNanos() / 1000),
                Long.toString(limit.toMillis())));
        Thread.ofPlatform().daemon().name("attempts").start(attempts::read);
        return attempts;
    }

    private void read() {
        try {
            for (String line = conversation.line(); line != null; line = conversation.line()) {
                Attempt attempt = Attempt.parse(line);
                synchronized (this) {
                    attempts.add(attempt);
                }
            }
        } catch (UncheckedIOException e) {
            // The other end is closed: that is all.
        }
    }

    /**
     * Waits until every connection of some time has been made.
     *
     * @param since what was before is not looked at
     * @param quiet for how long all have to be made
     * @param limit how long to wait for that
     */
    public Outage awaitQuiet(Instant since, Duration quiet, Duration limit) {
        Await.until(limit, () -> "connections still fail: " + outage(since), () -> isQuiet(since, quiet));
        return outage(since);
    }

    private synchronized boolean isQuiet(Instant since, Duration quiet) {
        Instant last = lastFailure(since).orElse(since);
        return !attempts.isEmpty() && !attempts.getLast().began().isBefore(last.plus(quiet));
    }

    private synchronized Optional<Instant> lastFailure(Instant since) {
        return attempts.stream()
                .filter(attempt -> !attempt.accepted() && !attempt.began().isBefore(since))
                .map(Attempt::began)
                .max(Instant::compareTo);
    }

    private synchronized Outage outage(Instant since) {
        List<Attempt> meanwhile = attempts.stream()
                .filter(attempt -> !attempt.began().isBefore(since))
                .toList();
        return new Outage(
                Duration.between(since, lastFailure(since).orElse(since)),
                meanwhile.stream().filter(attempt -> !attempt.accepted()).count(),
                meanwhile.size());
    }

    @Override
    public void close() {
        conversation.close();
    }
}
