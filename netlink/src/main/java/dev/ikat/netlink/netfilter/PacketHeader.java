package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/**
 * The addresses, protocol and ports at the beginning of an IP packet (RFC 791, RFC 8200).
 *
 * @param source its source
 * @param destination its destination
 * @param protocol the number of the protocol behind the IP headers; that of an extension header if what follows it is
 *     cut off
 * @param sourcePort 0 if the protocol has no ports or they are not among the bytes
 * @param destinationPort 0 if the protocol has no ports or they are not among the bytes
 */
public record PacketHeader(IpAddress source, IpAddress destination, int protocol, int sourcePort, int destinationPort) {
    private static final int IPPROTO_HOPOPTS = 0;
    private static final int IPPROTO_TCP = 6;
    private static final int IPPROTO_UDP = 17;
    private static final int IPPROTO_DCCP = 33;
    private static final int IPPROTO_ROUTING = 43;
    private static final int IPPROTO_FRAGMENT = 44;
    private static final int IPPROTO_AH = 51;
    private static final int IPPROTO_DSTOPTS = 60;
    private static final int IPPROTO_SCTP = 132;
    private static final int IPPROTO_UDPLITE = 136;

    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;

    /** More than a sane packet has, few enough for a crafted one to cost nothing. */
    private static final int MAX_EXTENSION_HEADERS = 8;

    public PacketHeader {
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(destination, "destination");
    }

    /** Reads a packet that may be cut off anywhere; empty if it is too short for an IP header, or not an IP packet. */
    public static Optional<PacketHeader> parse(byte[] packet) {
        if (packet.length == 0) {
            return Optional.empty();
        }
        return switch (u8(packet, 0) >>> 4) {
            case 4 -> parseV4(packet);
            case 6 -> parseV6(packet);
            default -> Optional.empty();
        };
    }

    private static Optional<PacketHeader> parseV4(byte[] packet) {
        int length = (u8(packet, 0) & 0xf) * 4;
        if (packet.length < IPV4_HEADER || length < IPV4_HEADER) {
            return Optional.empty();
        }
        boolean laterFragment = (u16(packet, 6) & 0x1fff) != 0;
        return Optional.of(of(packet, 12, IpFamily.IPV4, u8(packet, 9), laterFragment ? packet.length : length));
    }

    private static Optional<PacketHeader> parseV6(byte[] packet) {
        if (packet.length < IPV6_HEADER) {
            return Optional.empty();
        }
        int protocol = u8(packet, 6);
        int offset = IPV6_HEADER;
        for (int i = 0; i < MAX_EXTENSION_HEADERS && offset + 8 <= packet.length; i++) {
            int length = switch (protocol) {
                case IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS -> (u8(packet, offset + 1) + 1) * 8;
                case IPPROTO_FRAGMENT -> 8;
                case IPPROTO_AH -> (u8(packet, offset + 1) + 2) * 4;
                default -> 0;
            };
            if (length == 0) {
                break;
            }
            boolean laterFragment = protocol == IPPROTO_FRAGMENT && (u16(packet, offset + 2) & 0xfff8) != 0;
            protocol = u8(packet, offset);
            offset += length;
            if (laterFragment) {
                offset = packet.length;
            }
        }
        return Optional.of(of(packet, 8, IpFamily.IPV6, protocol, offset));
    }

    private static PacketHeader of(byte[] packet, int addresses, IpFamily family, int protocol, int transport) {
        int middle = addresses + family.byteLength();
        boolean ports = switch (protocol) {
            case IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE ->
                transport + 4 <= packet.length;
            default -> false;
        };
        return new PacketHeader(
                IpAddress.of(Arrays.copyOfRange(packet, addresses, middle)),
                IpAddress.of(Arrays.copyOfRange(packet, middle, middle + family.byteLength())),
                protocol,
                ports ? u16(packet, transport) : 0,
                ports ? u16(packet, transport + 2) : 0);
    }

    private static int u8(byte[] packet, int offset) {
        return Byte.toUnsignedInt(packet[offset]);
    }

    private static int u16(byte[] packet, int offset) {
        return u8(packet, offset) << 8 | u8(packet, offset + 1);
    }
}
