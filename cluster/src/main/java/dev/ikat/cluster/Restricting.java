package dev.ikat.cluster;

import java.util.List;

/**
 * An object that restricts. A part of it that can't be read must not be ignored as if it did not exist. So the object
 * remembers what could not be read, and allows nothing that the whole object would not.
 */
public interface Restricting extends ClusterObject {
    /** The parts of its specification that could not be read, each with its field. */
    List<String> unreadable();

    /** The same object, with these fields as those that could not be read. */
    Restricting lacking(List<String> fields);

    /** Whether all of it could be read. */
    default boolean complete() {
        return unreadable().isEmpty();
    }
}
