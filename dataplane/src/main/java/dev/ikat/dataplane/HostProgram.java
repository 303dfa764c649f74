package dev.ikat.dataplane;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A run of a program of the host, such as iptables, that has ended.
 *
 * @param exitCode what it ended with
 * @param output its standard output
 * @param errors its standard error
 */
public record HostProgram(int exitCode, String output, String errors) {
    /**
     * Runs it in the network namespace of the calling thread, with the locale C, and waits for its end.
     *
     * @param words the command
     * @param input its standard input
     * @param limit after which it is killed
     * @throws IOException if it can't be started
     * @throws UncheckedIOException if its output can't be read
     * @throws TimeoutException if it did not end in time
     */
    public static HostProgram run(List<String> words, String input, Duration limit)
            throws IOException, InterruptedException, TimeoutException {
        return run(words, Map.of(), input, limit);
    }

    /**
     * The same with further environment variables.
     *
     * @param environment their names and values
     */
    public static HostProgram run(List<String> words, Map<String, String> environment, String input, Duration limit)
            throws IOException, InterruptedException, TimeoutException {
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.environment().put("LC_ALL", "C");
        builder.environment().putAll(environment);
        Process process = builder.start();
        CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> read(process.getInputStream()));
        CompletableFuture<String> errors = CompletableFuture.supplyAsync(() -> read(process.getErrorStream()));
        try (var stdin = process.getOutputStream()) {
            stdin.write(input.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // It has ended early; its exit code and its words say why.
        }
        if (!process.waitFor(limit.toSeconds(), TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new TimeoutException(String.join(" ", words) + " did not end within " + limit.toSeconds() + " s");
        }
        try {
            return new HostProgram(process.exitValue(), output.join(), errors.join());
        } catch (CompletionException e) {
            throw e.getCause() instanceof UncheckedIOException unread ? unread : e;
        }
    }

    private static String read(InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What it said on standard error, in one line. */
    public String complaint() {
        return errors.strip().replaceAll("\\s*\\n\\s*", "; ");
    }
}
