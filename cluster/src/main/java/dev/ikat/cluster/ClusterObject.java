package dev.ikat.cluster;

/** An object of the cluster, as it is at one moment. */
public sealed interface ClusterObject permits Node, Namespace, Pod, NetworkPolicy {
    /** What identifies it; two objects with the same key are the same one at different moments. */
    ObjectKey key();

    /** The namespace it is in; empty for a kind that is in none. */
    default String namespace() {
        return "";
    }

    /** Its name there. */
    String name();
}
