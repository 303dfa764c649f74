package dev.ikat.netlink.route;

/** Whether a link can carry packets (RFC 2863; IF_OPER_*, linux/if.h). The order is the kernel's. */
public enum OperState {
    /** The driver keeps no state, as loopback. */
    UNKNOWN,
    NOT_PRESENT,
    DOWN,
    /** A link below is down, such as the other end of a veth pair. */
    LOWER_LAYER_DOWN,
    TESTING,
    /** Up, waiting for a protocol such as 802.1X. */
    DORMANT,
    UP;

    private static final OperState[] VALUES = values();

    static OperState of(int value) {
        return value >= 0 && value < VALUES.length ? VALUES[value] : UNKNOWN;
    }
}
