package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;
import java.util.Optional;

/**
 * A fault of a source.
 *
 * @param origin where it is: for a file its path, line and column (from 1), as in {@code /etc/ikat/pods.yaml:12:5}
 * @param reason what is wrong
 * @param object the object that it is about; empty if it is about none, or the object is not known
 */
public record SourceFault(String origin, String reason, Optional<ObjectKey> object) {
    /** A fault that is about no object. */
    public SourceFault(String origin, String reason) {
        this(origin, reason, Optional.empty());
    }

    /** Origin and reason, as a compiler prints them. */
    @Override
    public String toString() {
        return origin + ": " + reason;
    }
}
