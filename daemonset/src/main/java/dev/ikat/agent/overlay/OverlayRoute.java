package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;

/** A route of the overlay: to the pods of another node, or one that ends at this node for its own block. */
public sealed interface OverlayRoute {
    /** The block of the pods, or a part of it. */
    Cidr destination();

    /**
     * Through the tunnel.
     *
     * @param via the other end's address on the tunnel link
     * @param underlay the family of the tunnel's outer packets
     */
    record Tunnelled(Cidr destination, IpAddress via, IpFamily underlay) implements OverlayRoute {}

    /**
     * On the uplink itself.
     *
     * @param via the other node's address
     * @param uplink the uplink's index
     */
    record Direct(Cidr destination, IpAddress via, int uplink) implements OverlayRoute {}

    /**
     * Unreachable: an address of this node's own block that no pod has. Without this route such a packet would follow
     * the default route out of the node, and if the router sent it back, it would circle until its hop limit is used
     * up. Unreachable rather than blackhole, so that peers of a pod that was just deleted learn it at once.
     */
    record Unreachable(Cidr destination) implements OverlayRoute {}

    /**
     * Ends here: the address of this node's own block that answers other nodes' self-tests, whose packets come without
     * a tunnel. It is the one that a tunnel link would have, and so no pod's.
     */
    record Answering(Cidr destination) implements OverlayRoute {}
}
