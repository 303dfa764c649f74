package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.netfilter.ChainRule.Effect;

/**
 * An expression of a rule ({@code linux/netfilter/nf_tables.h}): it loads something of the packet into a register,
 * compares a register, or decides. Values are hexadecimal digits, two a byte, in the order of the kernel's memory.
 */
sealed interface RuleExpression {
    /** Loads something of the packet. */
    record Load(int register, PacketField field) implements RuleExpression {}

    /** Sets all bits of a register to zero that are not in the mask. */
    record Mask(int from, int to, String mask) implements RuleExpression {}

    /** Goes on only if what is in a register begins with a value, or if it does not. */
    record Compare(int register, String value, boolean inverted) implements RuleExpression {}

    /** Goes on only if what is in a register is in a range, its ends included, or if it is not. */
    record Between(int register, String from, String to, boolean inverted) implements RuleExpression {}

    /** Looks for what is in a register in a set, or in a map of verdicts. */
    record LookUp(String set, int register, boolean inverted, boolean verdicts) implements RuleExpression {}

    /** Decides. */
    record Decide(Effect effect, String target) implements RuleExpression {}

    /** Does nothing to whether the packet passes. */
    record Nothing() implements RuleExpression {}

    /** Something that is not read: whether the rule goes on after it is unknown. */
    record Unreadable() implements RuleExpression {}

    Nothing NOTHING = new Nothing();
    Unreadable UNREADABLE = new Unreadable();
}
