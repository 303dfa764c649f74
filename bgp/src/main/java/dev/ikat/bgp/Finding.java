package dev.ikat.bgp;

import dev.ikat.cluster.ObjectKey;
import java.util.Comparator;

/**
 * Why an object has no effect, although its schema allows it.
 *
 * @param object the object
 * @param field the path of the field, as in {@code spec.address}
 * @param reason one word for programs
 * @param message what is wrong, and what to do
 */
public record Finding(ObjectKey object, String field, String reason, String message) implements Comparable<Finding> {
    private static final Comparator<Finding> ORDER = Comparator.comparing(Finding::object)
            .thenComparing(Finding::field)
            .thenComparing(Finding::reason)
            .thenComparing(Finding::message);

    /** By object. */
    @Override
    public int compareTo(Finding other) {
        return ORDER.compare(this, other);
    }

    /** As in {@code BgpPeer tor-1: spec.passwordKey: ...}. */
    @Override
    public String toString() {
        return object + ": " + field + ": " + message;
    }
}
