package dev.ikat.agent.overlay;

import java.util.Locale;

/**
 * A fault of one node's part of the overlay. It affects that node, and no other.
 *
 * @param node the name of the node whose object or path is at fault
 * @param cause the kind of fault
 * @param text what could not be done, why, and what would have to change
 */
public record NodeFault(String node, Cause cause, String text) {
    /** The kinds of faults. */
    public enum Cause {
        /** A pod CIDR that another node had first. */
        BLOCK_CLAIMED,
        /** An InternalIP that another node had first, or that is in another node's pod CIDR. */
        ADDRESS_CLAIMED,
        /** A pod CIDR that contains addresses which are not pods'. */
        BLOCK_IN_USE,
        /** The node has no address through which its pods could be reached. */
        UNREACHABLE,
        /** The kernel refused a route, or another route is in its way. */
        ROUTE,
        /** Nothing can be tunnelled: the UDP port or the network identifier is another link's. */
        TUNNEL,
        /** The host has an address of its own pod CIDR for itself; pods are given others. */
        ADDRESS_HELD,
        /** The pods' MTU does not fit the uplink. */
        MTU,
        /** This node's kernel does not have an address family of its pod CIDRs. */
        FAMILY;

        /** Its name in metrics. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether a node with that must not give addresses to pods: they may be somebody else's. */
        boolean forbidsPods() {
            return switch (this) {
                case BLOCK_CLAIMED, ADDRESS_CLAIMED, BLOCK_IN_USE -> true;
                case UNREACHABLE, ROUTE, TUNNEL, ADDRESS_HELD, MTU, FAMILY -> false;
            };
        }
    }

    @Override
    public String toString() {
        return text;
    }
}
