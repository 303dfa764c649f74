package dev.ikat.policy;

/** An object of the cluster, as it is at one moment. */
public sealed interface ClusterObject permits Node, Namespace, Pod, NetworkPolicy {
    /** What identifies it; two objects with the same key are the same one at different moments. */
    ObjectKey key();
}
