package dev.ikat.netlink.packet;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.packet.PacketFilter.Field;
import dev.ikat.netlink.packet.PacketFilter.Size;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * A packet of neighbour discovery (RFC 4861) that asks for an IPv6 address, or tells where it is, with its IPv6 header.
 * Both are checked as sections 7.1.1 and 7.1.2 demand.
 */
public sealed interface NeighbourPacket {
    /** ETH_P_IPV6, linux/if_ether.h. */
    int PROTOCOL = 0x86dd;

    /** All hosts of a link. */
    IpAddress ALL_NODES = IpAddress.parse("ff02::1");

    /** Solicitations and advertisements that no router has passed on. */
    PacketFilter FILTER = PacketFilter.of(
            Field.of(Size.BYTE, NeighbourBytes.NEXT_HEADER, NeighbourBytes.ICMPV6),
            Field.of(Size.BYTE, NeighbourBytes.HOP_LIMIT, NeighbourBytes.NEVER_FORWARDED),
            new Field(Size.BYTE, NeighbourBytes.HEADER, NeighbourBytes.SOLICITATION, NeighbourBytes.ADVERTISEMENT),
            Field.of(Size.BYTE, NeighbourBytes.HEADER + 1, 0));

    /**
     * Asks for an address.
     *
     * @param source who asks; :: of a host that only asks whether somebody has the address (RFC 4862)
     * @param target the address that is asked for
     * @param sourceMac the link-layer address of {@code source}, if it says that
     */
    record Solicitation(IpAddress source, IpAddress target, Optional<MacAddress> sourceMac) implements NeighbourPacket {
        /** The answer: the target is at that link-layer address, whatever was known of it. */
        public Advertisement answer(MacAddress mac) {
            return source.isUnspecified()
                    ? Advertisement.unasked(target, mac)
                    : new Advertisement(target, source, target, true, Optional.of(mac));
        }
    }

    /**
     * Tells where an address is.
     *
     * @param source who says so
     * @param destination whom it is told
     * @param target the address
     * @param solicited whether it is an answer
     * @param targetMac the link-layer address of {@code target}, if it says that; it replaces what was known
     */
    record Advertisement(
            IpAddress source,
            IpAddress destination,
            IpAddress target,
            boolean solicited,
            Optional<MacAddress> targetMac)
            implements NeighbourPacket {
        /** Tells all hosts without having been asked (section 7.2.6). */
        public static Advertisement unasked(IpAddress target, MacAddress mac) {
            return new Advertisement(target, ALL_NODES, target, false, Optional.of(mac));
        }

        /** The IPv6 packet, a new array. */
        public byte[] bytes() {
            return NeighbourBytes.write(this);
        }
    }

    /** Reads an IPv6 packet; empty for what is no such packet, or breaks a rule for it. */
    static Optional<NeighbourPacket> read(ByteBuffer payload) {
        return NeighbourBytes.read(payload);
    }

    /** The group of the hosts that may have this address (RFC 4291, section 2.7.1). */
    static IpAddress solicitedNode(IpAddress address) {
        return new IpAddress(address.family(), 0xff02_0000_0000_0000L, 0x1_ff00_0000L | (address.low() & 0xff_ffffL));
    }

    /** The link-layer address for packets to a group (RFC 2464, section 7). */
    static MacAddress groupMac(IpAddress group) {
        return new MacAddress(0x3333_0000_0000L | (group.low() & 0xffff_ffffL));
    }
}
