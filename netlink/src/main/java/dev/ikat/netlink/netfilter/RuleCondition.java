package dev.ikat.netlink.netfilter;

import java.util.List;
import java.util.Optional;

/**
 * A condition of a rule. Values are hexadecimal digits, two a byte, in the order of the kernel's memory.
 *
 * @param field what of the packet it is about; empty if that is not read
 * @param mask the bits of it that matter; empty for all
 * @param ranges the values with which it has to begin
 * @param inverted whether it must begin with none of them
 */
public record RuleCondition(Optional<PacketField> field, String mask, List<Range> ranges, boolean inverted) {
    /** It may hold or not. */
    public static final RuleCondition UNREADABLE = new RuleCondition(Optional.empty(), "", List.of(), false);

    /** From the first to the last value; both have the same length. */
    public record Range(String first, String last) {
        static Range of(String value) {
            return new Range(value, value);
        }

        boolean isSingle() {
            return first.equals(last);
        }
    }

    public RuleCondition {
        ranges = List.copyOf(ranges);
    }
}
