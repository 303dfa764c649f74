package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.Endpoint;

/** Something that a program follows from, and that is different from now on. */
public sealed interface PolicyInput {
    /**
     * The cluster is different.
     *
     * @param change how; objects that are no policy's concern cost nothing
     */
    record Cluster(ClusterChange change) implements PolicyInput {}

    /**
     * The node has an endpoint. One that has the same host interface is replaced.
     *
     * @param endpoint the endpoint
     */
    record Wired(Endpoint endpoint) implements PolicyInput {}

    /**
     * The node has an endpoint no more, if it had one.
     *
     * @param hostInterface its host interface
     */
    record Unwired(InterfaceName hostInterface) implements PolicyInput {}
}
