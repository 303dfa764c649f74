package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.util.Optional;

/** Neighbour and forwarding database messages: struct ndmsg and NDA_* (linux/neighbour.h). */
public final class NeighbourMessage {
    static final int RTM_NEWNEIGH = 28;
    static final int RTM_DELNEIGH = 29;
    static final int RTM_GETNEIGH = 30;

    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final int NDA_IFINDEX = 8;

    private static final int HEADER = 12;

    private NeighbourMessage() {}

    static void write(MessageWriter message, Neighbour neighbour) {
        ndmsg(
                message,
                AddressFamily.of(neighbour.address().family()),
                neighbour.interfaceIndex(),
                neighbour.state(),
                neighbour.flags());
        message.address(NDA_DST, neighbour.address());
        neighbour.mac().ifPresent(mac -> message.mac(NDA_LLADDR, mac));
    }

    static void write(MessageWriter message, FdbEntry entry) {
        ndmsg(message, AddressFamily.AF_BRIDGE, entry.interfaceIndex(), entry.state(), entry.flags());
        message.mac(NDA_LLADDR, entry.mac());
        entry.destination().ifPresent(destination -> message.address(NDA_DST, destination));
    }

    static void writeDump(MessageWriter message, IpFamily family, int interfaceIndex) {
        ndmsg(message, AddressFamily.of(family), 0, 0, 0);
        message.u32(NDA_IFINDEX, interfaceIndex);
    }

    static void writeFdbDump(MessageWriter message, int interfaceIndex) {
        ndmsg(message, AddressFamily.AF_BRIDGE, interfaceIndex, 0, 0);
    }

    private static void ndmsg(MessageWriter message, int family, int interfaceIndex, int state, int flags) {
        message.bodyU8(family)
                .bodyU8(0)
                .bodyU16(0)
                .bodyU32(interfaceIndex)
                .bodyU16(state)
                .bodyU8(flags)
                .bodyU8(0);
    }

    /** Reads RTM_NEWNEIGH or RTM_DELNEIGH; empty if the family is not IP, which includes forwarding entries. */
    public static Optional<Neighbour> read(MessageReader message) {
        message.requireBody("ndmsg", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        if (family == null) {
            return Optional.empty();
        }
        IpAddress address = null;
        MacAddress mac = null;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NDA_DST -> address = attributes.address(family);
                case NDA_LLADDR -> mac = attributes.isMac() ? attributes.mac() : null;
                default -> {}
            }
        }
        // A VXLAN that misses an address tells so by a message without one.
        return address == null
                ? Optional.empty()
                : Optional.of(new Neighbour(
                        message.bodyU32(4), address, Optional.ofNullable(mac), message.bodyU16(8), message.bodyU8(10)));
    }

    /** Reads RTM_NEWNEIGH or RTM_DELNEIGH; empty if it is not about a forwarding entry. */
    public static Optional<FdbEntry> readFdb(MessageReader message) {
        message.requireBody("ndmsg", HEADER);
        if (message.bodyU8(0) != AddressFamily.AF_BRIDGE) {
            return Optional.empty();
        }
        IpAddress destination = null;
        MacAddress mac = null;
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case NDA_DST -> destination = attributes.address();
                case NDA_LLADDR -> mac = attributes.isMac() ? attributes.mac() : null;
                default -> {}
            }
        }
        return mac == null
                ? Optional.empty()
                : Optional.of(new FdbEntry(
                        message.bodyU32(4),
                        mac,
                        Optional.ofNullable(destination),
                        message.bodyU16(8),
                        message.bodyU8(10)));
    }
}
