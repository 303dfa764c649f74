package dev.ikat.netlink.route;

import dev.ikat.netlink.MalformedMessageException;

/** What a matching rule does (FR_ACT_*, linux/fib_rules.h). The order is the kernel's. */
public enum RuleAction {
    UNSPECIFIED,
    /** Look into the table. */
    LOOKUP,
    /** Go on with another rule. */
    GOTO,
    /** Nothing. */
    NOP,
    RESERVED_4,
    RESERVED_5,
    /** Drop silently. */
    BLACKHOLE,
    /** Drop, telling the sender "network unreachable". */
    UNREACHABLE,
    /** Drop, telling the sender "administratively prohibited". */
    PROHIBIT;

    private static final RuleAction[] VALUES = values();

    /** The kernel's number for it. */
    @SuppressWarnings("EnumOrdinal") // the order is the kernel's
    int code() {
        return ordinal();
    }

    static RuleAction of(int value) {
        if (value >= VALUES.length) {
            throw new MalformedMessageException("the action of a rule is " + value);
        }
        return VALUES[value];
    }
}
