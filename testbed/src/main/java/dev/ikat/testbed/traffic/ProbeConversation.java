package dev.ikat.testbed.traffic;

import dev.ikat.testbed.host.ProcessRunner;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A probe that goes on until it is told to end, and says how it stands, a line each, whenever it is asked. */
final class ProbeConversation implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;

    private ProbeConversation(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
    }

    /** Begins one of the probe's commands. */
    static ProbeConversation begin(String... command) {
        return new ProbeConversation(ProcessRunner.of(
                        Stream.concat(Stream.of(Probe.program().toString()), Stream.of(command))
                                .toList())
                .startConversation());
    }

    /** Asks, and returns the answer. */
    String ask() {
        try {
            process.getOutputStream().write('?');
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Objects.requireNonNull(line(), "the probe has ended by itself");
    }

    /** The next line that it says of itself; null if it has ended. */
    @Nullable
    String line() {
        try {
            return answers.readLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Tells it to end, and returns the last that it says. */
    String end() {
        try {
            process.getOutputStream().close();
            List<String> lines = answers.lines().toList();
            return lines.getLast();
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
