package dev.ikat.netlink.route;

/**
 * What {@link RouteMonitor} reports. {@code present} is false if the object was deleted, true for every other change.
 */
public sealed interface Event {
    /** A link was created, changed or deleted. A link that is moved to another namespace counts as deleted. */
    record LinkEvent(boolean present, Link link) implements Event {}

    /** An address was added, changed or deleted. */
    record AddressEvent(boolean present, Address address) implements Event {}

    /**
     * A route was added, replaced or deleted. The kernel does not report the IPv4 routes that it deletes along with
     * their link or address.
     */
    record RouteEvent(boolean present, Route route) implements Event {}

    /** A neighbour entry was added, changed its state, or was deleted. */
    record NeighbourEvent(boolean present, Neighbour neighbour) implements Event {}

    /** A forwarding entry of a bridge or a VXLAN link was added, changed or deleted. */
    record FdbEvent(boolean present, FdbEntry entry) implements Event {}

    /** Settings of a link, or of all, were changed, a link with settings is new, or one is gone. */
    record NetconfEvent(boolean present, Netconf settings) implements Event {}

    /** A rule was added or deleted. */
    record RuleEvent(boolean present, Rule rule) implements Event {}

    /**
     * Notifications were lost: what is known about the kernel's state may be wrong, and has to be read again.
     *
     * @param reason why they were lost, for the log
     */
    record Resync(String reason) implements Event {}
}
