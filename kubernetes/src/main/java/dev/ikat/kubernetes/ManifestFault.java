package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKey;
import java.util.Optional;

/**
 * What is wrong with a manifest, and where.
 *
 * @param line the line in the file, from 1
 * @param column the column in the line, from 1
 * @param object the object in which it is; empty if that can't be said, or it is in none
 * @param reason what is wrong
 */
record ManifestFault(int line, int column, Optional<ObjectKey> object, String reason) {
    /** One of no object, as far as is known where it is found. */
    ManifestFault(int line, int column, String reason) {
        this(line, column, Optional.empty(), reason);
    }

    SourceFault in(String file) {
        return new SourceFault(file + ":" + line + ":" + column, reason, object);
    }
}
