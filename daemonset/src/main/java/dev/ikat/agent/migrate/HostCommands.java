package dev.ikat.agent.migrate;

import dev.ikat.dataplane.HostProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;

/** Runs programs of the host that list and change its rules. */
@FunctionalInterface
public interface HostCommands {
    /** Beyond this a program hangs. */
    Duration LIMIT = Duration.ofSeconds(60);

    /**
     * What the program prints.
     *
     * @throws MissingProgramException if it is not installed
     * @throws IOException if it fails; the message has its words
     */
    String run(String input, String... command) throws IOException;

    /** In the calling thread's network namespace. */
    static HostCommands here() {
        return HostCommands::execute;
    }

    private static String execute(String input, String... command) throws IOException {
        HostProgram ended;
        try {
            ended = HostProgram.run(List.of(command), input, LIMIT);
        } catch (IOException e) {
            throw new MissingProgramException(command[0], e);
        } catch (UncheckedIOException | TimeoutException e) {
            throw new IOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command[0] + " was interrupted", e);
        }
        if (ended.exitCode() != 0) {
            throw new IOException(String.join(" ", command) + " failed: " + ended.complaint());
        }
        return ended.output();
    }
}
