package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;

/** Hears what changes in the cluster. */
@FunctionalInterface
public interface ClusterListener {
    /**
     * The cluster has changed. To be quick: the next change waits for this method. It should not throw: the change
     * counts as reported.
     *
     * @param change what is different; empty only where the first change finds no objects
     */
    void changed(ClusterChange change);
}
