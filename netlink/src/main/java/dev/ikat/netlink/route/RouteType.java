package dev.ikat.netlink.route;

import dev.ikat.netlink.MalformedMessageException;

/** What happens to a packet that a route matches (RTN_*, linux/rtnetlink.h). The order is the kernel's. */
public enum RouteType {
    UNSPECIFIED,
    /** Forwarded, by a gateway or directly. */
    UNICAST,
    /** Delivered here. */
    LOCAL,
    /** Delivered here, and sent, as a broadcast. */
    BROADCAST,
    /** Delivered here, one of several hosts with this address. */
    ANYCAST,
    MULTICAST,
    /** Dropped silently. */
    BLACKHOLE,
    /** Dropped; the sender gets "host unreachable". */
    UNREACHABLE,
    /** Dropped; the sender gets "administratively prohibited". */
    PROHIBIT,
    /** Not in this table: the lookup continues with the next rule. */
    THROW,
    NAT,
    EXTERNAL_RESOLVE;

    private static final RouteType[] VALUES = values();

    /** The kernel's number for it. */
    @SuppressWarnings("EnumOrdinal") // the order is the kernel's
    int code() {
        return ordinal();
    }

    static RouteType of(int value) {
        if (value >= VALUES.length) {
            throw new MalformedMessageException("rtm_type is " + value);
        }
        return VALUES[value];
    }
}
