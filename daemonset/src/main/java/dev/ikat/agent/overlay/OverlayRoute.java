package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;

/** A route that the overlay wants: to the pods of another node, or the end of the road for this node's own. */
public sealed interface OverlayRoute {
    /** Which pods. */
    Cidr destination();

    /**
     * Through the tunnel.
     *
     * @param via the other end's address on the tunnel device
     */
    record Tunnelled(Cidr destination, IpAddress via) implements OverlayRoute {}

    /**
     * On the uplink itself.
     *
     * @param via the other node's address
     * @param uplink the uplink's index
     */
    record Direct(Cidr destination, IpAddress via, int uplink) implements OverlayRoute {}

    /**
     * Nowhere: an address of this node's own block that no pod has. Without it such a packet would follow the default
     * route out of the node, and where the router sends it back, circle until its hops are used up. Unreachable rather
     * than blackhole, so that whoever talks to a pod that just went away learns it at once.
     */
    record Unreachable(Cidr destination) implements OverlayRoute {}
}
