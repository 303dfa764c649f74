package dev.ikat.agent.nodes;

import java.net.InetSocketAddress;
import java.util.Optional;

/**
 * The API that the nodes' agents ask: one inside this process, or a real one where the variable KUBECONFIG names it.
 * Objects are JSON texts, status included.
 */
interface ClusterApi extends AutoCloseable {
    /** The one that the environment asks for. */
    static ClusterApi ofTheEnvironment() {
        return Optional.ofNullable(System.getenv("KUBECONFIG"))
                .filter(file -> !file.isEmpty())
                .<ClusterApi>map(RealApi::new)
                .orElseGet(InProcessApi::new);
    }

    /** What the test may find there. */
    enum Kind {
        NODE,
        NAMESPACE,
        POD,
        POLICY
    }

    /** What the names of this run's nodes begin with, and what its only namespace is called. */
    String runName();

    /** Where it listens, as seen from the machine. */
    InetSocketAddress address();

    /** A kubeconfig for agents that reach it at another address. */
    String kubeconfig(InetSocketAddress relay);

    /** An object of this run is like that from now on; those that are in a namespace name it themselves. */
    void put(Kind kind, String name, String json);

    /** An object of this run is gone. */
    void remove(Kind kind, String name);

    /** Removes the objects of this run. */
    @Override
    void close();
}
