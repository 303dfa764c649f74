package dev.ikat.agent.cluster;

/** A source can't be read at all. */
public final class ClusterSourceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ClusterSourceException(String message, Throwable cause) {
        super(message, cause);
    }
}
