package dev.ikat.policy.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.Endpoint;

/** A change that affects the program. */
public sealed interface PolicyInput {
    /**
     * The cluster changed.
     *
     * @param change the difference; objects that do not concern policies cost nothing
     */
    record Cluster(ClusterChange change) implements PolicyInput {}

    /**
     * The node has a new endpoint. It replaces one with the same host interface.
     *
     * @param endpoint the endpoint
     */
    record Wired(Endpoint endpoint) implements PolicyInput {}

    /**
     * The node no longer has an endpoint, if it had it.
     *
     * @param hostInterface its host interface
     */
    record Unwired(InterfaceName hostInterface) implements PolicyInput {}
}
