package dev.ikat.cluster;

/**
 * An object of the cluster, as it is at one moment: an immutable value. Any module may define kinds of them; who takes
 * objects apart by their type asks a sealed interface for it, as {@link PolicyObject} is for policies.
 */
public interface ClusterObject {
    /** What identifies it; two objects with the same key are the same one at different moments. */
    ObjectKey key();

    /** The namespace it is in; empty for a kind that is in none. */
    default String namespace() {
        return "";
    }

    /** Its name there. */
    String name();

    /**
     * Which version of it this is for the API server ({@code metadata.resourceVersion}), which takes a change only of
     * the version that it has; empty for objects that are only read, where nobody keeps it.
     */
    default String resourceVersion() {
        return "";
    }
}
