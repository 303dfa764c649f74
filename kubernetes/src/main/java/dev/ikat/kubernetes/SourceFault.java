package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;
import java.util.Optional;

/**
 * Something that is wrong at a source.
 *
 * @param origin where: for a file its path, line and column (from 1), as in {@code /etc/ikat/pods.yaml:12:5}
 * @param reason what
 * @param object the object that it is about; empty if it is about none, or that can't be said
 */
public record SourceFault(String origin, String reason, Optional<ObjectKey> object) {
    /** One that is about no object. */
    public SourceFault(String origin, String reason) {
        this(origin, reason, Optional.empty());
    }

    /** Origin and reason, as a compiler says it. */
    @Override
    public String toString() {
        return origin + ": " + reason;
    }
}
