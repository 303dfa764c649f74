package dev.ikat.netlink.route;

import dev.ikat.netlink.MalformedMessageException;

/** What a matching rule does (FR_ACT_*, linux/fib_rules.h). The order is the kernel's. */
public enum RuleAction {
    UNSPECIFIED,
    /** Looks into the table. */
    LOOKUP,
    /** Goes on with another rule. */
    GOTO,
    /** Does nothing. */
    NOP,
    RESERVED_4,
    RESERVED_5,
    /** Drops silently. */
    BLACKHOLE,
    /** Drops, and tells the sender "network unreachable". */
    UNREACHABLE,
    /** Drops, and tells the sender "administratively prohibited". */
    PROHIBIT;

    private static final RuleAction[] VALUES = values();

    /** The kernel's number for it. */
    @SuppressWarnings("EnumOrdinal") // the order is the kernel's
    int code() {
        return ordinal();
    }

    static RuleAction of(int value) {
        if (value >= VALUES.length) {
            throw new MalformedMessageException("unknown action of a rule: " + value);
        }
        return VALUES[value];
    }
}
