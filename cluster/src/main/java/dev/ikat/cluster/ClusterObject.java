package dev.ikat.cluster;

/**
 * An object of the cluster at one moment: an immutable value. Any module may define kinds of objects. Code that
 * distinguishes objects by their type uses a sealed interface, such as {@link PolicyObject} for policies.
 */
public interface ClusterObject {
    /** Identifies the object; two objects with the same key are the same one at different moments. */
    ObjectKey key();

    /** Its namespace; empty for a kind without namespaces. */
    default String namespace() {
        return "";
    }

    /** Its name in that namespace. */
    String name();

    /**
     * The object's version at the API server ({@code metadata.resourceVersion}), which accepts a change only of its
     * current version; empty for objects that are only read, whose version is not kept.
     */
    default String resourceVersion() {
        return "";
    }
}
