package dev.ikat.testbed;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * A command to run to its end, with its input, its environment and a time limit. Immutable: each {@code with} method
 * returns a changed copy, so that one runner can be kept and varied. No shell is ever involved.
 */
public final class ProcessRunner {
    /** The time limit of a runner that was given none. */
    public static final Duration DEFAULT_LIMIT = Duration.ofSeconds(60);

    private static final Executor READERS =
            task -> Thread.ofVirtual().name("output").start(task);

    private final List<String> command;
    private final Map<String, String> environment;
    private final boolean inheritEnvironment;
    private final byte[] stdin;
    private final Duration limit;
    private final Optional<Path> directory;

    private ProcessRunner(
            List<String> command,
            Map<String, String> environment,
            boolean inheritEnvironment,
            byte[] stdin,
            Duration limit,
            Optional<Path> directory) {
        this.command = List.copyOf(command);
        this.environment = Map.copyOf(environment);
        this.inheritEnvironment = inheritEnvironment;
        this.stdin = stdin;
        this.limit = limit;
        this.directory = directory;
    }

    /** A runner of this command, with this process' environment and empty input. */
    public static ProcessRunner of(List<String> command) {
        return new ProcessRunner(command, Map.of(), true, new byte[0], DEFAULT_LIMIT, Optional.empty());
    }

    /** A runner of this command, with this process' environment and empty input. */
    public static ProcessRunner of(String... command) {
        return of(List.of(command));
    }

    /** Runs the command and returns what it printed. For the result of a failure too, see {@link #run()}. */
    public static String output(String... command) {
        return of(command).run().orThrow().stdout();
    }

    /** With these variables on top of the environment. */
    public ProcessRunner withEnvironment(Map<String, String> variables) {
        Map<String, String> merged = new TreeMap<>(environment);
        merged.putAll(variables);
        return new ProcessRunner(command, merged, inheritEnvironment, stdin, limit, directory);
    }

    /** Without anything of this process' environment: only what {@link #withEnvironment} gave. */
    public ProcessRunner withCleanEnvironment() {
        return new ProcessRunner(command, environment, false, stdin, limit, directory);
    }

    /** With this text, in UTF-8, as standard input. */
    public ProcessRunner withInput(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new ProcessRunner(command, environment, inheritEnvironment, bytes, limit, directory);
    }

    /** With this time limit; the process is killed at its end. */
    public ProcessRunner withLimit(Duration newLimit) {
        return new ProcessRunner(command, environment, inheritEnvironment, stdin, newLimit, directory);
    }

    /** In this working directory. */
    public ProcessRunner in(Path workingDirectory) {
        return new ProcessRunner(command, environment, inheritEnvironment, stdin, limit, Optional.of(workingDirectory));
    }

    /**
     * Runs the command to its end, whatever its exit code is.
     *
     * @throws CommandFailedException if it can't be started or exceeds its time limit
     */
    public ProcessResult run() {
        long start = System.nanoTime();
        Process process = start(ProcessBuilder.Redirect.PIPE, ProcessBuilder.Redirect.PIPE);
        CompletableFuture<String> stdout = collect(process.getInputStream());
        CompletableFuture<String> stderr = collect(process.getErrorStream());
        try {
            feed(process);
            if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                kill(process);
                throw new CommandFailedException("'%s' did not end within %d ms; killed. It had printed: %s"
                        .formatted(String.join(" ", command), limit.toMillis(), stderr.getNow("")));
            }
            // A child that inherited the pipe may hold it open after the command itself has ended.
            return new ProcessResult(
                    command,
                    process.exitValue(),
                    stdout.orTimeout(5, TimeUnit.SECONDS).join(),
                    stderr.orTimeout(5, TimeUnit.SECONDS).join(),
                    Duration.ofNanos(System.nanoTime() - start));
        } catch (InterruptedException e) {
            kill(process);
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted while '%s' ran; killed".formatted(String.join(" ", command)));
        }
    }

    /**
     * Starts the command with both outputs appended to a file, and returns at once; for servers. Input is empty.
     *
     * @throws CommandFailedException if it can't be started
     */
    public Process startInBackground(Path log) {
        ProcessBuilder.Redirect append = ProcessBuilder.Redirect.appendTo(log.toFile());
        Process process = start(append, append);
        feed(process);
        return process;
    }

    /**
     * Starts the command with its outputs as pipes, to talk with it; standard error goes to this process' own.
     *
     * @throws CommandFailedException if it can't be started
     */
    public Process startConversation() {
        return start(ProcessBuilder.Redirect.PIPE, ProcessBuilder.Redirect.INHERIT);
    }

    private Process start(ProcessBuilder.Redirect stdout, ProcessBuilder.Redirect stderr) {
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(command));
        if (!inheritEnvironment) {
            builder.environment().clear();
        }
        builder.environment().putAll(environment);
        builder.redirectOutput(stdout).redirectError(stderr);
        directory.ifPresent(path -> builder.directory(path.toFile()));
        try {
            return builder.start();
        } catch (IOException e) {
            throw new CommandFailedException(
                    "can't start '%s': %s".formatted(String.join(" ", command), e.getMessage()), e);
        }
    }

    private void feed(Process process) {
        try (OutputStream input = process.getOutputStream()) {
            input.write(stdin);
        } catch (IOException e) {
            // EPIPE: the command did not want all of its input. Its exit code says whether that was right.
        }
    }

    private static CompletableFuture<String> collect(InputStream stream) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try (stream) {
                        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                READERS);
    }

    private static void kill(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
