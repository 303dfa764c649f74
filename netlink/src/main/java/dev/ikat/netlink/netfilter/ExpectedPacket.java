package dev.ikat.netlink.netfilter;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.netfilter.ChainRule.Answer;
import dev.ikat.netlink.netfilter.RuleCondition.Range;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of a packet before it comes, so that it can be said which conditions of rules it meets: some of its
 * fields, and some bits of others.
 */
public final class ExpectedPacket {
    /** {@code enum nft_meta_keys}. */
    private static final int NFT_META_PROTOCOL = 1;

    private static final int NFT_META_IIF = 4;
    static final int NFT_META_IIFNAME = 6;
    static final int NFT_META_OIFNAME = 7;
    private static final int NFT_META_NFPROTO = 15;
    static final int NFT_META_L4PROTO = 16;
    private static final int NFT_META_PKTTYPE = 19;

    /** {@code enum nft_ct_keys}. */
    static final int NFT_CT_STATE = 0;

    private static final int NFT_CT_STATUS = 2;

    /** {@code enum nft_payload_bases}. */
    static final int NFT_PAYLOAD_NETWORK_HEADER = 1;

    static final int NFT_PAYLOAD_TRANSPORT_HEADER = 2;

    /** NF_CT_STATE_BIT(IP_CT_NEW) and NF_CT_STATE_UNTRACKED_BIT, {@code nf_conntrack_common.h}. */
    static final int STATE_NEW = 8;

    static final int STATE_UNTRACKED = 64;

    /** IPS_SRC_NAT and IPS_DST_NAT, likewise. */
    private static final int STATUS_TRANSLATED = 0x30;

    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int IPPROTO_UDP = 17;
    /** {@code linux/if_packet.h}. */
    private static final int PACKET_HOST = 0;

    static final int IFNAMSIZ = 16;

    /** The sizes of headers, and where their fields are: {@code linux/ip.h}, {@code ipv6.h}, {@code udp.h}. */
    private static final int IPV4_HEADER = 20;

    private static final int IPV4_PROTOCOL = 9;
    static final int IPV4_SOURCE = 12;
    static final int IPV4_DESTINATION = 16;
    private static final int IPV6_HEADER = 40;
    private static final int IPV6_NEXT_HEADER = 6;
    static final int IPV6_SOURCE = 8;
    static final int IPV6_DESTINATION = 24;
    private static final int UDP_HEADER = 8;
    static final int UDP_DESTINATION = 2;
    private static final int LOOPBACK = 1;
    private static final HexFormat HEX = HexFormat.of();

    /** A value of which some bits are known. */
    private static final class Known {
        /** 0 where it is not known. */
        final byte[] bits;

        /** The bits that are. */
        final byte[] known;

        Known(byte[] bits, byte[] known) {
            this.bits = bits;
            this.known = known;
        }

        static Known of(byte[] bits) {
            byte[] known = new byte[bits.length];
            Arrays.fill(known, (byte) 0xff);
            return new Known(bits, known);
        }

        static Known ofInt(int value) {
            return of(ofThisMachine(value));
        }

        Known part(int offset, int length) {
            return new Known(
                    Arrays.copyOfRange(bits, offset, offset + length),
                    Arrays.copyOfRange(known, offset, offset + length));
        }

        /** The bits that are not in the mask are known to be 0 then. */
        Known masked(byte[] mask) {
            Known masked = part(0, bits.length);
            for (int i = 0; i < masked.bits.length; i++) {
                int kept = i < mask.length ? mask[i] : 0;
                masked.bits[i] &= (byte) kept;
                masked.known[i] |= (byte) ~kept;
            }
            return masked;
        }
    }

    private final Map<PacketField, Known> fields = new HashMap<>();
    private final Known network;
    private final Known transport;
    private final IpFamily family;

    /** Whether it is known by which kind of link it arrives. */
    private final boolean fromPod;

    private ExpectedPacket(IpAddress source, IpAddress destination, boolean fromPod, boolean tracked) {
        boolean ipv4 = source.family() == IpFamily.IPV4;
        int header = ipv4 ? IPV4_HEADER : IPV6_HEADER;
        this.family = source.family();
        this.fromPod = fromPod;
        this.network = new Known(new byte[header], new byte[header]);
        know(network, ipv4 ? IPV4_SOURCE : IPV6_SOURCE, source.toBytes());
        know(network, ipv4 ? IPV4_DESTINATION : IPV6_DESTINATION, destination.toBytes());
        this.transport = new Known(new byte[UDP_HEADER], new byte[UDP_HEADER]);
        meta(NFT_META_PROTOCOL, Known.of(bigEndian(ipv4 ? ETH_P_IP : ETH_P_IPV6)));
        meta(NFT_META_NFPROTO, Known.of(new byte[] {(byte) (ipv4 ? TableFamily.IPV4 : TableFamily.IPV6).number()}));
        meta(NFT_META_PKTTYPE, Known.of(new byte[] {PACKET_HOST}));
        fields.put(new PacketField.Connection(NFT_CT_STATE), Known.ofInt(tracked ? STATE_NEW : STATE_UNTRACKED));
        fields.put(
                new PacketField.Connection(NFT_CT_STATUS),
                new Known(new byte[Integer.BYTES], Known.ofInt(STATUS_TRANSLATED).bits));
    }

    /**
     * A UDP packet to this host. It is the first of its flow, since none of a tunnel's packets answers another one.
     *
     * @param link the one by which it probably arrives
     * @param tracked whether connection tracking looks at it
     */
    public static ExpectedPacket udp(
            IpAddress source, IpAddress destination, int port, InterfaceName link, int linkIndex, boolean tracked) {
        ExpectedPacket packet = new ExpectedPacket(source, destination, false, tracked);
        packet.arrivesBy(link, linkIndex);
        packet.isUdp();
        know(packet.transport, UDP_DESTINATION, (byte) (port >> 8), (byte) port);
        return packet;
    }

    /**
     * The first packet of a connection to a pod of this host, of any protocol.
     *
     * @param link the one by which it probably arrives
     * @param tracked whether connection tracking looks at it
     */
    public static ExpectedPacket toPod(
            IpAddress source, IpAddress destination, InterfaceName link, int linkIndex, boolean tracked) {
        ExpectedPacket packet = new ExpectedPacket(source, destination, false, tracked);
        packet.arrivesBy(link, linkIndex);
        packet.meta(NFT_META_OIFNAME, ofAPod());
        return packet;
    }

    /**
     * The first UDP packet between two pods of this host.
     *
     * @param tracked whether connection tracking looks at it
     */
    public static ExpectedPacket betweenPods(IpAddress source, IpAddress destination, boolean tracked) {
        ExpectedPacket packet = new ExpectedPacket(source, destination, true, tracked);
        packet.meta(NFT_META_IIFNAME, ofAPod());
        packet.meta(NFT_META_OIFNAME, ofAPod());
        packet.isUdp();
        return packet;
    }

    /** The name of a pod's link, of which the beginning is known. */
    private static Known ofAPod() {
        Known name = new Known(new byte[IFNAMSIZ], new byte[IFNAMSIZ]);
        know(name, 0, LinkNames.POD_PREFIX.getBytes(StandardCharsets.US_ASCII));
        return name;
    }

    private void arrivesBy(InterfaceName link, int linkIndex) {
        meta(NFT_META_IIF, Known.ofInt(linkIndex));
        meta(NFT_META_IIFNAME, Known.of(Arrays.copyOf(link.value().getBytes(StandardCharsets.UTF_8), IFNAMSIZ)));
    }

    private void isUdp() {
        know(network, family == IpFamily.IPV4 ? IPV4_PROTOCOL : IPV6_NEXT_HEADER, (byte) IPPROTO_UDP);
        meta(NFT_META_L4PROTO, Known.of(new byte[] {IPPROTO_UDP}));
    }

    private static void know(Known header, int offset, byte... value) {
        System.arraycopy(value, 0, header.bits, offset, value.length);
        Arrays.fill(header.known, offset, offset + value.length, (byte) 0xff);
    }

    private void meta(int key, Known value) {
        fields.put(new PacketField.Meta(key), value);
    }

    /** As the kernel keeps numbers that are not of the packet itself. */
    static byte[] ofThisMachine(int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(value)
                .array();
    }

    private static byte[] bigEndian(int value) {
        return new byte[] {(byte) (value >> 8), (byte) value};
    }

    /** Whether it meets a condition. */
    Answer meets(RuleCondition condition) {
        Optional<Known> value = condition.field().flatMap(this::value);
        if (value.isEmpty()) {
            return Answer.UNKNOWN;
        }
        Known compared = condition.mask().isEmpty() ? value.get() : value.get().masked(HEX.parseHex(condition.mask()));
        Answer in = Answer.NO;
        for (Range range : condition.ranges()) {
            Answer one = isOrdered(condition.field().orElseThrow()) || range.isSingle()
                    ? compare(compared, range)
                    : Answer.UNKNOWN;
            if (one == Answer.YES) {
                return condition.inverted() ? Answer.NO : Answer.YES;
            }
            if (one == Answer.UNKNOWN || mayArriveBy(condition.field().orElseThrow(), range)) {
                in = Answer.UNKNOWN;
            }
        }
        return in == Answer.UNKNOWN ? in : condition.inverted() ? Answer.YES : Answer.NO;
    }

    /** Numbers in the order of this machine's memory can be compared, but not in the order of their digits. */
    private static boolean isOrdered(PacketField field) {
        return field instanceof PacketField.Header || field.equals(new PacketField.Meta(NFT_META_IIFNAME));
    }

    /** A host may have several links by which packets of others arrive; only of some is it known that none does. */
    private boolean mayArriveBy(PacketField field, Range range) {
        if (fromPod) {
            return false;
        }
        if (field.equals(new PacketField.Meta(NFT_META_IIF))) {
            return !range.isSingle() || !range.first().equals(HEX.formatHex(Known.ofInt(LOOPBACK).bits));
        }
        if (field.equals(new PacketField.Meta(NFT_META_IIFNAME))) {
            String name = new String(HEX.parseHex(range.first()), StandardCharsets.UTF_8).replaceAll("\0.*", "");
            return !name.equals("lo") && !name.startsWith(LinkNames.POD_PREFIX);
        }
        return false;
    }

    private Optional<Known> value(PacketField field) {
        return switch (field) {
            case PacketField.Header(int base, int offset, int length) ->
                switch (base) {
                    case NFT_PAYLOAD_NETWORK_HEADER -> part(network, offset, length);
                    case NFT_PAYLOAD_TRANSPORT_HEADER -> part(transport, offset, length);
                    default -> Optional.empty();
                };
            case PacketField.Meta _, PacketField.Connection _ -> Optional.ofNullable(fields.get(field));
        };
    }

    private static Optional<Known> part(Known header, int offset, int length) {
        return offset >= 0 && length > 0 && offset + length <= header.bits.length
                ? Optional.of(header.part(offset, length))
                : Optional.empty();
    }

    /** Whether a value begins with one of the range. */
    private static Answer compare(Known value, Range range) {
        byte[] first = HEX.parseHex(range.first());
        // Several fields at once, or nothing that was read.
        if (first.length == 0 || first.length > value.bits.length) {
            return Answer.UNKNOWN;
        }
        Known start = value.part(0, first.length);
        boolean complete = true;
        for (int i = 0; i < first.length; i++) {
            if (range.isSingle() && ((start.bits[i] ^ first[i]) & start.known[i]) != 0) {
                return Answer.NO;
            }
            complete &= start.known[i] == (byte) 0xff;
        }
        if (!complete) {
            return Answer.UNKNOWN;
        }
        boolean inside = Arrays.compareUnsigned(first, start.bits) <= 0
                && Arrays.compareUnsigned(start.bits, HEX.parseHex(range.last())) <= 0;
        return inside ? Answer.YES : Answer.NO;
    }

    /** The family of its addresses. */
    IpFamily family() {
        return family;
    }
}
