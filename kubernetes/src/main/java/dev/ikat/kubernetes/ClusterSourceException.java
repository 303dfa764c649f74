package dev.ikat.kubernetes;

import org.jspecify.annotations.Nullable;

/** A source can't be read at all. */
public final class ClusterSourceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ClusterSourceException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
