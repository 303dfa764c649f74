package dev.ikat.netlink.route;

/**
 * What {@link RouteMonitor} reports. {@code present} is false where the object was deleted, true for any other news.
 */
public sealed interface Event {
    /** A link was made, changed or deleted. A link that leaves for another namespace counts as deleted. */
    record LinkEvent(boolean present, Link link) implements Event {}

    /** An address was added, changed or deleted. */
    record AddressEvent(boolean present, Address address) implements Event {}

    /**
     * A route was added, replaced or deleted. The kernel says nothing of the IPv4 routes that it drops along with their
     * link or address.
     */
    record RouteEvent(boolean present, Route route) implements Event {}

    /** A neighbour was added, changed its state, or was deleted. */
    record NeighbourEvent(boolean present, Neighbour neighbour) implements Event {}

    /** A forwarding entry of a bridge or a VXLAN was added, changed or deleted. */
    record FdbEvent(boolean present, FdbEntry entry) implements Event {}

    /** A rule was added or deleted. */
    record RuleEvent(boolean present, Rule rule) implements Event {}

    /**
     * Notifications were lost: what is known about the kernel's state may be wrong, and has to be read again.
     *
     * @param reason what happened, for the log
     */
    record Resync(String reason) implements Event {}
}
