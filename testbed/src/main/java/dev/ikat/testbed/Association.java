package dev.ikat.testbed;

import dev.ikat.model.IpAddress;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** An SCTP association of the kernel's own sockets, both ends of which send a message every 20 ms. */
public final class Association implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;

    /**
     * How many messages have arrived.
     *
     * @param byServer of the client's
     * @param byClient of the server's
     */
    public record Received(long byServer, long byClient) {}

    private Association(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Begins one with an address that the server's namespace has; empty where the kernel has no SCTP sockets.
     *
     * @throws CommandFailedException if the server can't be reached within ten seconds
     */
    public static Optional<Association> begin(TestNamespace client, TestNamespace server, IpAddress to, int port) {
        Association association = new Association(ProcessRunner.of(
                        Probe.program().toString(),
                        "associate",
                        client.path().toString(),
                        server.path().toString(),
                        to.toString(),
                        Integer.toString(port))
                .startConversation());
        String begun = association.line();
        if ("begun".equals(begun)) {
            return Optional.of(association);
        }
        association.close();
        if ("unsupported".equals(begun)) {
            return Optional.empty();
        }
        throw new CommandFailedException("no SCTP association with " + to + " port " + port);
    }

    /** How it stands. */
    public Received soFar() {
        try {
            process.getOutputStream().write('?');
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String[] numbers = Objects.requireNonNull(line(), "the association's process has ended")
                .split(" ", 2);
        return new Received(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]));
    }

    private String line() {
        try {
            return answers.readLine();
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
