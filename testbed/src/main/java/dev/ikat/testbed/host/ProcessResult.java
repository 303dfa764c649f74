package dev.ikat.testbed.host;

import java.time.Duration;
import java.util.List;

/**
 * How a command ended.
 *
 * @param command the program and its arguments
 * @param exitCode its exit code; 128 + n after signal n
 * @param stdout all of its standard output
 * @param stderr all of its standard error
 * @param elapsed from before its start until it was waited for, including the cost of starting a process from a JVM
 */
public record ProcessResult(List<String> command, int exitCode, String stdout, String stderr, Duration elapsed) {
    public ProcessResult {
        command = List.copyOf(command);
    }

    /** Whether the exit code is 0. */
    public boolean succeeded() {
        return exitCode == 0;
    }

    /**
     * This result, if it is a success.
     *
     * @throws CommandFailedException with everything that the command printed, if it is not
     */
    public ProcessResult orThrow() {
        if (!succeeded()) {
            throw new CommandFailedException("'%s' ended with exit code %d: %s%s"
                    .formatted(String.join(" ", command), exitCode, stderr.strip(), stdout.strip()));
        }
        return this;
    }
}
