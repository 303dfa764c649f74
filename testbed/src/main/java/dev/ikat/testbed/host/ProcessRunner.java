package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A command to run to its end, with its input, its environment and a time limit. Immutable: each {@code with} method
 * returns a changed copy, so that a runner can be kept and varied. It never uses a shell.
 */
public final class ProcessRunner {
    /** The default time limit. */
    public static final Duration DEFAULT_LIMIT = Duration.ofSeconds(60);

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

    /** Runs the command and returns its output. {@link #run()} also returns the result of a failure. */
    public static String output(String... command) {
        return of(command).run().orThrow().stdout();
    }

    /** With these variables in addition to the environment. */
    public ProcessRunner withEnvironment(Map<String, String> variables) {
        Map<String, String> merged = new TreeMap<>(environment);
        merged.putAll(variables);
        return new ProcessRunner(command, merged, inheritEnvironment, stdin, limit, directory);
    }

    /** Without this process's environment: only the variables of {@link #withEnvironment}. */
    public ProcessRunner withCleanEnvironment() {
        return new ProcessRunner(command, environment, false, stdin, limit, directory);
    }

    /** With this text, in UTF-8, as standard input. */
    public ProcessRunner withInput(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new ProcessRunner(command, environment, inheritEnvironment, bytes, limit, directory);
    }

    /** With this time limit, after which the process is killed. */
    public ProcessRunner withLimit(Duration newLimit) {
        return new ProcessRunner(command, environment, inheritEnvironment, stdin, newLimit, directory);
    }

    /** In this working directory. */
    public ProcessRunner in(Path workingDirectory) {
        return new ProcessRunner(command, environment, inheritEnvironment, stdin, limit, Optional.of(workingDirectory));
    }

    /**
     * Runs the command to its end, whatever its exit code.
     *
     * @throws CommandFailedException if it can't be started or exceeds its time limit
     */
    public ProcessResult run() {
        long start = System.nanoTime();
        Optional<Path> namespace = networkNamespace();
        try (SpawnedProcess process = SpawnedProcess.start(
                namespace.isEmpty() ? command : command.subList(2, command.size()),
                wholeEnvironment(),
                stdin,
                directory,
                namespace)) {
            if (!process.waitFor(Await.onThisMachine(limit))) {
                throw new CommandFailedException("'%s' did not end within %d ms; killed. It had printed: %s"
                        .formatted(String.join(" ", command), limit.toMillis(), process.stderr()));
            }
            return new ProcessResult(
                    command,
                    process.exitCode(),
                    process.stdout(),
                    process.stderr(),
                    Duration.ofNanos(System.nanoTime() - start));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted while '%s' ran; killed".formatted(String.join(" ", command)));
        }
    }

    /** Where the command begins as {@link TestNamespace#entering} has it: no nsenter is needed for that alone. */
    private Optional<Path> networkNamespace() {
        return command.size() > 2
                        && command.getFirst().equals("nsenter")
                        && command.get(1).startsWith(TestNamespace.ENTERED)
                        && !command.get(2).startsWith("-")
                ? Optional.of(Path.of(command.get(1).substring(TestNamespace.ENTERED.length())))
                : Optional.empty();
    }

    private Map<String, String> wholeEnvironment() {
        Map<String, String> whole = inheritEnvironment ? new TreeMap<>(System.getenv()) : new TreeMap<>();
        whole.putAll(environment);
        return whole;
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
     * Starts the command with pipes for input and output; standard error goes to this process's own.
     *
     * @throws CommandFailedException if it can't be started
     */
    public Process startConversation() {
        return start(ProcessBuilder.Redirect.PIPE, ProcessBuilder.Redirect.INHERIT);
    }

    private Process start(ProcessBuilder.Redirect stdout, ProcessBuilder.Redirect stderr) {
        ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(command));
        builder.environment().clear();
        builder.environment().putAll(wholeEnvironment());
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
}
