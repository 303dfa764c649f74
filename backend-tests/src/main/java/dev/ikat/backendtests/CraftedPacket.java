package dev.ikat.backendtests;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** IP packets as bytes, built by hand. The last eight bytes of each are unique. */
public final class CraftedPacket {
    public static final int HOP_BY_HOP = 0;
    public static final int ICMP = 1;
    public static final int UDP = 17;
    public static final int FRAGMENT = 44;
    public static final int ICMPV6 = 58;
    public static final int DESTINATION_OPTIONS = 60;

    private static final AtomicLong MARKS = new AtomicLong(System.nanoTime());
    private static final int MORE_FRAGMENTS = 0x2000;

    private CraftedPacket() {}

    /** A payload that no other packet has. */
    public static byte[] mark() {
        return ByteBuffer.allocate(8).putLong(MARKS.incrementAndGet()).array();
    }

    /** A packet of either family with this content after its header. */
    public static byte[] ip(IpAddress from, IpAddress to, int protocol, byte[] payload) {
        return from.family() == IpFamily.IPV4
                ? v4(from, to, protocol, 0, payload)
                : join(v6(from, to, protocol, payload.length), payload);
    }

    private static byte[] v4(IpAddress from, IpAddress to, int protocol, int fragment, byte[] payload) {
        ByteBuffer header = ByteBuffer.allocate(20)
                .put((byte) 0x45)
                .put((byte) 0)
                .putShort((short) (20 + payload.length))
                .putShort((short) 7)
                .putShort((short) fragment)
                .put((byte) 64)
                .put((byte) protocol)
                .putShort((short) 0)
                .put(from.toBytes())
                .put(to.toBytes());
        header.putShort(10, checksum(header.array()));
        return join(header.array(), payload);
    }

    private static byte[] v6(IpAddress from, IpAddress to, int next, int length) {
        return ByteBuffer.allocate(40)
                .putInt(6 << 28)
                .putShort((short) length)
                .put((byte) next)
                .put((byte) 64)
                .put(from.toBytes())
                .put(to.toBytes())
                .array();
    }

    /** An IPv6 packet with this extension header of eight bytes, which has no effect. */
    public static byte[] withHeader(int header, IpAddress from, IpAddress to, int protocol, byte[] payload) {
        // Padding of six bytes (PadN, RFC 8200, section 4.2).
        byte[] between = {(byte) protocol, 0, 1, 4, 0, 0, 0, 0};
        return join(v6(from, to, header, between.length + payload.length), join(between, payload));
    }

    /** The same packet as {@link #ip}, in two fragments, of which the first has this many bytes of the payload. */
    public static List<byte[]> fragments(IpAddress from, IpAddress to, int protocol, byte[] payload, int first) {
        byte[] head = Arrays.copyOf(payload, first);
        byte[] tail = Arrays.copyOfRange(payload, first, payload.length);
        if (from.family() == IpFamily.IPV4) {
            return List.of(v4(from, to, protocol, MORE_FRAGMENTS, head), v4(from, to, protocol, first / 8, tail));
        }
        int id = (int) MARKS.incrementAndGet();
        return List.of(v6Fragment(from, to, protocol, id, 1, head), v6Fragment(from, to, protocol, id, first, tail));
    }

    private static byte[] v6Fragment(
            IpAddress from, IpAddress to, int protocol, int id, int offsetAndMore, byte[] payload) {
        byte[] header = ByteBuffer.allocate(8)
                .put((byte) protocol)
                .put((byte) 0)
                .putShort((short) offsetAndMore)
                .putInt(id)
                .array();
        return join(v6(from, to, FRAGMENT, header.length + payload.length), join(header, payload));
    }

    /** A UDP packet. */
    public static byte[] udp(IpAddress from, IpAddress to, int port, byte[] payload) {
        return ip(from, to, UDP, udpSegment(from, to, port, payload));
    }

    /** The part of a UDP packet after the IP header. */
    public static byte[] udpSegment(IpAddress from, IpAddress to, int port, byte[] payload) {
        byte[] header = ByteBuffer.allocate(8)
                .putShort((short) 40_000)
                .putShort((short) port)
                .putShort((short) (8 + payload.length))
                .array();
        return withChecksum(from, to, UDP, 6, join(header, payload));
    }

    /** An echo request; its answer has the same payload. */
    public static byte[] echoRequest(IpAddress from, IpAddress to) {
        boolean v4 = from.family() == IpFamily.IPV4;
        byte[] message = ByteBuffer.allocate(16)
                .put((byte) (v4 ? 8 : 128))
                .putInt(4, 0x4242_0001)
                .put(8, mark())
                .array();
        if (v4) {
            ByteBuffer.wrap(message).putShort(2, checksum(message));
            return ip(from, to, ICMP, message);
        }
        return ip(from, to, ICMPV6, withChecksum(from, to, ICMPV6, 2, message));
    }

    private static byte[] withChecksum(IpAddress from, IpAddress to, int protocol, int at, byte[] segment) {
        int addresses = from.toBytes().length;
        byte[] summed = ByteBuffer.allocate(2 * addresses + 8 + segment.length)
                .put(from.toBytes())
                .put(to.toBytes())
                .putInt(segment.length)
                .putInt(protocol)
                .put(segment)
                .array();
        ByteBuffer.wrap(segment).putShort(at, checksum(summed));
        return segment;
    }

    /** The part of a tunnel's packet after UDP's header (RFC 7348, section 5): this packet in a frame. */
    public static byte[] vxlan(int vni, MacAddress to, byte[] packet) {
        return vxlan(vni, to, packet[0] >> 4 == 4 ? "0800" : "86dd", packet);
    }

    /** The same with other bytes, in hexadecimal digits, between the link-layer addresses and the packet. */
    public static byte[] vxlan(int vni, MacAddress to, String type, byte[] packet) {
        byte[] header = ByteBuffer.allocate(8).putInt(8 << 24).putInt(vni << 8).array();
        byte[] addresses = HexFormat.of().parseHex(to.toString().replace(":", "") + "020000000001" + type);
        return join(join(header, addresses), packet);
    }

    private static byte[] join(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length)
                .put(first)
                .put(second)
                .array();
    }

    private static short checksum(byte[] bytes) {
        int sum = 0;
        for (int i = 0; i < bytes.length; i++) {
            sum += (bytes[i] & 0xff) << (i % 2 == 0 ? 8 : 0);
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (short) ~sum;
    }
}
