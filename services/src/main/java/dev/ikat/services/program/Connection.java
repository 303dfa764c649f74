package dev.ikat.services.program;

import dev.ikat.model.IpAddress;

/**
 * A connection that somebody begins.
 *
 * @param source the client's address, of the same family as the destination's
 * @param origin who that is
 * @param destination where it is to go
 */
public record Connection(IpAddress source, Origin origin, Frontend destination) {
    /** Who begins a connection. */
    public enum Origin {
        /** A pod of this node, with an address of its own. */
        POD,
        /** This node, or a pod in its network. */
        NODE,
        /** Anybody else: what arrives at the node from another one, or from outside of the cluster. */
        OUTSIDE
    }

    public Connection {
        if (source.family() != destination.address().family()) {
            throw new IllegalArgumentException(source + " can't reach " + destination);
        }
    }
}
