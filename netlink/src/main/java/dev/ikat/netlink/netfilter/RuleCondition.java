package dev.ikat.netlink.netfilter;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpFamily;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
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

    private static final HexFormat HEX = HexFormat.of();

    /** From the first to the last value; both have the same length. */
    public record Range(String first, String last) {
        static Range of(String value) {
            return new Range(value, value);
        }

        private static Range of(byte[] value) {
            return of(HEX.formatHex(value));
        }

        /** From one port to another one. */
        public static Range ofPorts(int first, int last) {
            return new Range(HEX.toHexDigits((short) first), HEX.toHexDigits((short) last));
        }

        boolean isSingle() {
            return first.equals(last);
        }
    }

    /** States of a connection, the bits of {@code ct state} in nf_tables. */
    public enum State {
        INVALID(1),
        ESTABLISHED(2),
        RELATED(4),
        NEW(ExpectedPacket.STATE_NEW),
        UNTRACKED(ExpectedPacket.STATE_UNTRACKED);

        private final int bit;

        State(int bit) {
            this.bit = bit;
        }
    }

    public RuleCondition {
        ranges = List.copyOf(ranges);
    }

    private static RuleCondition of(PacketField field, List<Range> ranges) {
        return new RuleCondition(Optional.of(field), "", ranges, false);
    }

    /** The source is one of these addresses. */
    public static RuleCondition source(Cidr block) {
        boolean ipv4 = block.family() == IpFamily.IPV4;
        return address(block, ipv4 ? ExpectedPacket.IPV4_SOURCE : ExpectedPacket.IPV6_SOURCE);
    }

    /** The destination is one of these addresses. */
    public static RuleCondition destination(Cidr block) {
        boolean ipv4 = block.family() == IpFamily.IPV4;
        return address(block, ipv4 ? ExpectedPacket.IPV4_DESTINATION : ExpectedPacket.IPV6_DESTINATION);
    }

    private static RuleCondition address(Cidr block, int offset) {
        byte[] first = block.network().toBytes();
        return of(
                new PacketField.Header(ExpectedPacket.NFT_PAYLOAD_NETWORK_HEADER, offset, first.length),
                List.of(new Range(
                        HEX.formatHex(first), HEX.formatHex(block.last().toBytes()))));
    }

    /** It arrived by a link with this name, or with one that begins so. */
    public static RuleCondition arrivedBy(String name, boolean beginning) {
        return link(ExpectedPacket.NFT_META_IIFNAME, name, beginning);
    }

    /** It leaves by a link with this name, or with one that begins so. */
    public static RuleCondition leavesBy(String name, boolean beginning) {
        return link(ExpectedPacket.NFT_META_OIFNAME, name, beginning);
    }

    private static RuleCondition link(int key, String name, boolean beginning) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        return of(
                new PacketField.Meta(key),
                List.of(Range.of(beginning ? bytes : Arrays.copyOf(bytes, ExpectedPacket.IFNAMSIZ))));
    }

    /** It is of this protocol, by its number. */
    public static RuleCondition protocol(int number) {
        return of(new PacketField.Meta(ExpectedPacket.NFT_META_L4PROTO), List.of(Range.of(new byte[] {(byte) number})));
    }

    /** Its source port is one of these. */
    public static RuleCondition sourcePort(List<Range> ports) {
        return of(new PacketField.Header(ExpectedPacket.NFT_PAYLOAD_TRANSPORT_HEADER, 0, Short.BYTES), ports);
    }

    /** Its destination port is one of these. */
    public static RuleCondition destinationPort(List<Range> ports) {
        return of(
                new PacketField.Header(
                        ExpectedPacket.NFT_PAYLOAD_TRANSPORT_HEADER, ExpectedPacket.UDP_DESTINATION, Short.BYTES),
                ports);
    }

    /** Its connection is in one of these states. */
    public static RuleCondition state(List<State> states) {
        int bits = states.stream().mapToInt(state -> state.bit).reduce(0, (a, b) -> a | b);
        return new RuleCondition(
                Optional.of(new PacketField.Connection(ExpectedPacket.NFT_CT_STATE)),
                HEX.formatHex(ExpectedPacket.ofThisMachine(bits)),
                List.of(Range.of(new byte[Integer.BYTES])),
                true);
    }

    /** The opposite; what is not read stays so. */
    public RuleCondition negated() {
        return new RuleCondition(field, mask, ranges, !inverted);
    }
}
