package dev.ikat.netlink.packet;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.NeighbourPacket.Solicitation;
import java.nio.ByteBuffer;
import java.util.Optional;

/** {@link NeighbourPacket}s as bytes: the IPv6 header (RFC 8200), ICMPv6 (RFC 4443), and the options of RFC 4861. */
final class NeighbourBytes {
    static final int HEADER = 40;
    static final int NEXT_HEADER = 6;
    static final int HOP_LIMIT = 7;
    static final int ICMPV6 = 58;
    static final int NEVER_FORWARDED = 255;
    static final int SOLICITATION = 135;
    static final int ADVERTISEMENT = 136;

    private static final int VERSION = 6;
    private static final int PAYLOAD_LENGTH = 4;
    private static final int SOURCE = 8;
    private static final int DESTINATION = 24;
    private static final int ADDRESS = 16;

    /** Type, code, checksum, flags, target. */
    private static final int LEAST = 24;

    private static final int CHECKSUM = 2;
    private static final int FLAGS = 4;
    private static final int TARGET = 8;

    private static final int SOLICITED = 0x4000_0000;
    private static final int OVERRIDE = 0x2000_0000;

    private static final int SOURCE_LINK = 1;
    private static final int TARGET_LINK = 2;

    /** Options are counted in units of so many bytes. */
    private static final int UNIT = 8;

    private NeighbourBytes() {}

    static Optional<NeighbourPacket> read(ByteBuffer payload) {
        ByteBuffer in = payload.slice();
        if (in.remaining() < HEADER + LEAST || (in.get(0) & 0xff) >>> 4 != VERSION) {
            return Optional.empty();
        }
        int length = Short.toUnsignedInt(in.getShort(PAYLOAD_LENGTH));
        boolean direct = in.get(NEXT_HEADER) == ICMPV6 && in.get(HOP_LIMIT) == (byte) NEVER_FORWARDED;
        if (!direct || length < LEAST || in.remaining() < HEADER + length) {
            return Optional.empty();
        }
        // Ethernet pads short packets.
        ByteBuffer packet = in.slice(0, HEADER + length);
        if (checksum(packet) != 0 || packet.get(HEADER + 1) != 0) {
            return Optional.empty();
        }
        IpAddress source = address(packet, SOURCE);
        IpAddress destination = address(packet, DESTINATION);
        IpAddress target = address(packet, HEADER + TARGET);
        if (target.isMulticast() || source.isMulticast() || !optionsAreSound(packet)) {
            return Optional.empty();
        }
        return switch (Byte.toUnsignedInt(packet.get(HEADER))) {
            case SOLICITATION -> solicitation(packet, source, destination, target);
            case ADVERTISEMENT -> advertisement(packet, source, destination, target);
            default -> Optional.empty();
        };
    }

    private static Optional<NeighbourPacket> solicitation(
            ByteBuffer packet, IpAddress source, IpAddress destination, IpAddress target) {
        Optional<MacAddress> link = link(packet, SOURCE_LINK);
        boolean probe = source.isUnspecified();
        if (probe && (link.isPresent() || !destination.equals(NeighbourPacket.solicitedNode(target)))) {
            return Optional.empty();
        }
        return Optional.of(new Solicitation(source, target, link));
    }

    private static Optional<NeighbourPacket> advertisement(
            ByteBuffer packet, IpAddress source, IpAddress destination, IpAddress target) {
        boolean solicited = (packet.getInt(HEADER + FLAGS) & SOLICITED) != 0;
        if (solicited && destination.isMulticast()) {
            return Optional.empty();
        }
        return Optional.of(new Advertisement(source, destination, target, solicited, link(packet, TARGET_LINK)));
    }

    private static boolean optionsAreSound(ByteBuffer packet) {
        int at = HEADER + LEAST;
        while (at < packet.limit()) {
            int size = at + 1 < packet.limit() ? UNIT * Byte.toUnsignedInt(packet.get(at + 1)) : 0;
            if (size == 0 || at + size > packet.limit()) {
                return false;
            }
            at += size;
        }
        return true;
    }

    /** The link-layer address in the option of this type, if it is one of a single station. */
    private static Optional<MacAddress> link(ByteBuffer packet, int type) {
        int at = HEADER + LEAST;
        while (at < packet.limit()) {
            int units = Byte.toUnsignedInt(packet.get(at + 1));
            if (Byte.toUnsignedInt(packet.get(at)) == type && units == 1) {
                return Optional.of(Stations.read(packet.slice(at + 2, UNIT - 2)))
                        .filter(Stations::isOne);
            }
            at += UNIT * units;
        }
        return Optional.empty();
    }

    private static IpAddress address(ByteBuffer packet, int at) {
        byte[] bytes = new byte[ADDRESS];
        packet.get(at, bytes);
        return IpAddress.of(bytes);
    }

    static byte[] write(Advertisement advertisement) {
        int options = advertisement.targetMac().isPresent() ? UNIT : 0;
        ByteBuffer out = ByteBuffer.allocate(HEADER + LEAST + options);
        out.putInt(VERSION << 28)
                .putShort((short) (LEAST + options))
                .put((byte) ICMPV6)
                .put((byte) NEVER_FORWARDED)
                .put(advertisement.source().toBytes())
                .put(advertisement.destination().toBytes());
        out.put((byte) ADVERTISEMENT)
                .put((byte) 0)
                .putShort((short) 0)
                .putInt(OVERRIDE | (advertisement.solicited() ? SOLICITED : 0))
                .put(advertisement.target().toBytes());
        advertisement
                .targetMac()
                .ifPresent(mac -> out.put((byte) TARGET_LINK).put((byte) 1).put(mac.toBytes()));
        out.putShort(HEADER + CHECKSUM, (short) checksum(out));
        return out.array();
    }

    /** The checksum over the pseudo-header and the message (RFC 8200, section 8.1); 0 if the one in there is right. */
    private static int checksum(ByteBuffer packet) {
        int length = packet.limit() - HEADER;
        long sum = (long) length + ICMPV6;
        for (int at = SOURCE; at < HEADER; at += Short.BYTES) {
            sum += Short.toUnsignedInt(packet.getShort(at));
        }
        for (int at = HEADER; at + 1 < packet.limit(); at += Short.BYTES) {
            sum += Short.toUnsignedInt(packet.getShort(at));
        }
        if (length % 2 != 0) {
            sum += Byte.toUnsignedInt(packet.get(packet.limit() - 1)) << 8;
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (int) (~sum & 0xffff);
    }
}
