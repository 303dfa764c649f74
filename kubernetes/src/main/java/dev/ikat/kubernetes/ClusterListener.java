package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;

/** Is told of changes in the cluster. */
@FunctionalInterface
public interface ClusterListener {
    /**
     * The cluster has changed. The call has to be quick, because the next change waits for it. It should not throw: the
     * change counts as reported.
     *
     * @param change the difference; empty only if the first change finds no objects
     */
    void changed(ClusterChange change);
}
