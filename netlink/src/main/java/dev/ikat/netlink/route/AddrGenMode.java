package dev.ikat.netlink.route;

import dev.ikat.netlink.MalformedMessageException;

/**
 * How a link generates its IPv6 link-local address (enum in6_addr_gen_mode, {@code linux/if_link.h}). The order is the
 * kernel's.
 */
public enum AddrGenMode {
    /** From the link-layer address. */
    EUI64,
    /** Not at all. */
    NONE,
    /** RFC 7217, with a secret that was set. */
    STABLE_PRIVACY,
    /** RFC 7217, with a random secret. */
    RANDOM;

    private static final AddrGenMode[] VALUES = values();

    /** The kernel's number for it. */
    @SuppressWarnings("EnumOrdinal") // the order is the kernel's
    int code() {
        return ordinal();
    }

    static AddrGenMode of(int value) {
        if (value < 0 || value >= VALUES.length) {
            throw new MalformedMessageException("IFLA_INET6_ADDR_GEN_MODE is " + value);
        }
        return VALUES[value];
    }
}
