package dev.ikat.testbed.host;

/** A command could not be started, took too long, or ended with an exit code other than 0. */
public final class CommandFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The message names the command and contains its output. */
    public CommandFailedException(String message) {
        super(message);
    }

    /** The message names the command; the cause says why it could not be started. */
    public CommandFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
