package dev.ikat.agent.overlay;

import java.util.Locale;

/**
 * What is wrong with one node's part of the overlay. It costs that node, and no other one.
 *
 * @param node the name of the node whose object, or way, is at fault
 * @param cause what kind of fault
 * @param text what could not be done, why, and what would have to change
 */
public record NodeFault(String node, Cause cause, String text) {
    /** The kinds of faults. */
    public enum Cause {
        /** A pod CIDR that another node had first. */
        BLOCK_CLAIMED,
        /** An InternalIP that another node had first, or that is in another node's pod CIDR. */
        ADDRESS_CLAIMED,
        /** A pod CIDR that holds addresses which are no pods'. */
        BLOCK_IN_USE,
        /** No address that its pods could be reached through. */
        UNREACHABLE,
        /** The kernel refused a route, or another one is in its way. */
        ROUTE,
        /** The pods' MTU does not fit the uplink. */
        MTU;

        /** As metrics have it. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether a node with that must not give addresses to pods: they may be somebody else's. */
        boolean forbidsPods() {
            return switch (this) {
                case BLOCK_CLAIMED, ADDRESS_CLAIMED, BLOCK_IN_USE -> true;
                case UNREACHABLE, ROUTE, MTU -> false;
            };
        }
    }

    @Override
    public String toString() {
        return text;
    }
}
