package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * Packets that are built by hand, from the inside out, with correct lengths and checksums and otherwise any content.
 */
public final class Crafted {
    /** IANA, Assigned Internet Protocol Numbers. */
    public static final int HOP_BY_HOP = 0;

    public static final int ICMP = 1;
    public static final int IPIP = 4;
    public static final int TCP = 6;
    public static final int UDP = 17;
    public static final int IPV6 = 41;
    public static final int ROUTING = 43;
    public static final int FRAGMENT = 44;
    public static final int GRE = 47;
    public static final int ICMPV6 = 58;

    /** IEEE 802, EtherType. */
    public static final int ARP = 0x0806;

    public static final int DOT1Q = 0x8100;
    public static final int DOT1AD = 0x88a8;
    public static final int MPLS = 0x8847;

    /** The flag of IPv4's fragment field (RFC 791). */
    public static final int MORE_FRAGMENTS = 0x2000;

    private static final int HOPS = 255;

    private Crafted() {}

    /** The concatenation of the parts. */
    public static byte[] join(byte[]... parts) {
        ByteBuffer joined = ByteBuffer.allocate(
                Stream.of(parts).mapToInt(part -> part.length).sum());
        Stream.of(parts).forEach(joined::put);
        return joined.array();
    }

    /** The EtherType of this family's packets. */
    public static int etherType(IpFamily family) {
        return switch (family) {
            case IPV4 -> 0x0800;
            case IPV6 -> 0x86dd;
        };
    }

    /** The protocol number of ICMP for this family. */
    public static int icmp(IpFamily family) {
        return switch (family) {
            case IPV4 -> ICMP;
            case IPV6 -> ICMPV6;
        };
    }

    /** An Ethernet frame. */
    public static byte[] ethernet(MacAddress to, MacAddress from, int type, byte[] payload) {
        return join(to.toBytes(), from.toBytes(), u16(type), payload);
    }

    /** A VLAN tag, whose kind the EtherType before it says, and what follows. */
    public static byte[] tagged(int vlan, int type, byte[] payload) {
        return join(u16(vlan), u16(type), payload);
    }

    /** A UDP header and its payload; the checksum is filled in by the packet that contains it. */
    public static byte[] udp(int from, int to, byte[] payload) {
        return join(u16(from), u16(to), u16(8 + payload.length), u16(0), payload);
    }

    /** An ICMP or ICMPv6 message: type, code, the four bytes that follow the checksum, and the rest. */
    public static byte[] icmpMessage(int type, int code, byte[] field, byte[] payload) {
        return join(new byte[] {(byte) type, (byte) code, 0, 0}, field, payload);
    }

    /** A whole packet; for UDP, ICMP and ICMPv6 the checksum is filled in. */
    public static byte[] ip(IpAddress from, IpAddress to, int protocol, byte[] payload) {
        byte[] whole = payload.clone();
        int at = switch (protocol) {
            case UDP -> 6;
            case ICMP, ICMPV6 -> 2;
            default -> -1;
        };
        if (at >= 0) {
            byte[] pseudo = protocol == ICMP
                    ? new byte[0]
                    : join(from.toBytes(), to.toBytes(), u16(0), u16(whole.length), u16(0), u16(protocol));
            put16(whole, at, checksum(join(pseudo, whole)));
        }
        return header(from, to, protocol, 0, new byte[0], whole);
    }

    /**
     * An IP packet with an unchanged payload.
     *
     * @param fragment IPv4's flags and offset in units of eight bytes
     * @param options IPv4's, a multiple of four bytes
     */
    public static byte[] header(
            IpAddress from, IpAddress to, int protocol, int fragment, byte[] options, byte[] payload) {
        return switch (from.family()) {
            case IPV4 -> {
                byte[] header = join(
                        u16(0x4500 + ((options.length / 4) << 8)),
                        u16(20 + options.length + payload.length),
                        u16(0x1234),
                        u16(fragment),
                        new byte[] {(byte) HOPS, (byte) protocol, 0, 0},
                        from.toBytes(),
                        to.toBytes(),
                        options);
                put16(header, 10, checksum(header));
                yield join(header, payload);
            }
            case IPV6 ->
                join(
                        u16(0x6000),
                        u16(0),
                        u16(payload.length),
                        new byte[] {(byte) protocol, (byte) HOPS},
                        from.toBytes(),
                        to.toBytes(),
                        payload);
        };
    }

    /** A fragment of an IP packet: IPv4 marks it in its header, IPv6 in a header of its own. */
    public static byte[] fragment(
            IpAddress from, IpAddress to, int protocol, int offset, boolean more, int id, byte[] piece) {
        if (from.family() == IpFamily.IPV4) {
            byte[] packet = header(from, to, protocol, offset / 8 | (more ? MORE_FRAGMENTS : 0), new byte[0], piece);
            put16(packet, 4, id);
            put16(packet, 10, 0);
            put16(packet, 10, checksum(Arrays.copyOf(packet, 20)));
            return packet;
        }
        byte[] own = join(new byte[] {(byte) protocol, 0}, u16(offset | (more ? 1 : 0)), u16(0), u16(id));
        return header(from, to, FRAGMENT, 0, new byte[0], join(own, piece));
    }

    /** A VXLAN header (RFC 7348) and an Ethernet frame in it. */
    public static byte[] vxlan(int vni, byte[] frame) {
        return join(new byte[] {8, 0, 0, 0}, u16(vni >> 8), u16(vni << 8), frame);
    }

    /** An ARP message (RFC 826): 1 is a request, 2 a reply. */
    public static byte[] arp(int operation, MacAddress mac, IpAddress own, MacAddress other, IpAddress target) {
        return join(
                u16(1),
                u16(etherType(IpFamily.IPV4)),
                new byte[] {6, 4},
                u16(operation),
                mac.toBytes(),
                own.toBytes(),
                other.toBytes(),
                target.toBytes());
    }

    /** A number of sixteen bits in network byte order; higher bits are cut off. */
    public static byte[] u16(int value) {
        return new byte[] {(byte) (value >> 8), (byte) value};
    }

    private static void put16(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }

    /** RFC 1071. */
    public static int checksum(byte[] bytes) {
        long sum = 0;
        for (int i = 0; i < bytes.length; i += 2) {
            sum += (bytes[i] & 0xff) << 8 | (i + 1 < bytes.length ? bytes[i + 1] & 0xff : 0);
        }
        while (sum > 0xffff) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        return (int) ~sum & 0xffff;
    }
}
