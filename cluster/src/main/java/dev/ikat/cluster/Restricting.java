package dev.ikat.cluster;

import java.util.List;

/**
 * An object that forbids, so that a part of it that can't be read must not be left out as if it were not there: the
 * object remembers what it lacks, and is such that it allows nothing that the whole would not.
 */
public interface Restricting extends ClusterObject {
    /** What of its specification could not be read, each with its field. */
    List<String> unreadable();

    /** The same object, with these for what could not be read. */
    Restricting lacking(List<String> fields);

    /** Whether all of it could be read. */
    default boolean complete() {
        return unreadable().isEmpty();
    }
}
