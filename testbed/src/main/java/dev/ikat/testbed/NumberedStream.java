package dev.ikat.testbed;

import dev.ikat.model.IpAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Numbered UDP datagrams from one namespace to another at an even pace, none of which may get lost unnoticed. */
public final class NumberedStream implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;

    /**
     * What became of the datagrams.
     *
     * @param sent how many were sent, or could not be
     * @param arrived how many different ones of them arrived
     * @param lost the first numbers that have not arrived, and what kept some from being sent; for a person to read
     */
    public record Count(long sent, long arrived, String lost) {
        private static Count parse(String line) {
            String[] parts = line.split(" ", 3);
            return new Count(Long.parseLong(parts[0]), Long.parseLong(parts[1]), parts[2]);
        }

        /** Those that did not arrive, or not yet. */
        public long missing() {
            return sent - arrived;
        }
    }

    private NumberedStream(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    /** Begins to send to an address that the receiver has. */
    public static NumberedStream start(
            TestNamespace sender, TestNamespace receiver, IpAddress to, int port, int perSecond) {
        return new NumberedStream(ProcessRunner.of(
                        Probe.program().toString(),
                        "stream",
                        sender.path().toString(),
                        receiver.path().toString(),
                        to.toString(),
                        Integer.toString(port),
                        Integer.toString(perSecond))
                .startConversation());
    }

    /** How it stands; some may be on their way. */
    public Count soFar() {
        try {
            process.getOutputStream().write('?');
            process.getOutputStream().flush();
            return Count.parse(Objects.requireNonNull(answers.readLine(), "the stream has ended by itself"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends no more, waits up to three seconds for the last, and returns how it went. */
    public Count end() {
        try {
            process.getOutputStream().close();
            List<String> lines = answers.lines().toList();
            return Count.parse(lines.getLast());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(2, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
