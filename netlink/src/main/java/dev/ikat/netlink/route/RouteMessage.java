package dev.ikat.netlink.route;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.MalformedMessageException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.AttributeReader;
import dev.ikat.netlink.wire.MessageReader;
import dev.ikat.netlink.wire.MessageWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Route messages: struct rtmsg, struct rtnexthop and RTA_* (linux/rtnetlink.h). */
public final class RouteMessage {
    static final int RTM_NEWROUTE = 24;
    static final int RTM_DELROUTE = 25;
    static final int RTM_GETROUTE = 26;

    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_PREFSRC = 7;
    private static final int RTA_METRICS = 8;
    private static final int RTA_MULTIPATH = 9;
    private static final int RTA_TABLE = 15;
    private static final int RTA_VIA = 18;

    private static final int RTAX_MTU = 2;
    private static final int RTNH_F_ONLINK = 4;
    private static final int RTM_F_CLONED = 0x200;
    private static final int RTM_F_FIB_MATCH = 0x2000;
    private static final int RT_TABLE_UNSPEC = 0;

    private static final int HEADER = 12;
    private static final int RTNEXTHOP = 8;
    private static final int RTVIA = 2;

    private RouteMessage() {}

    static void write(MessageWriter message, Route route) {
        Cidr destination = route.destination();
        rtmsg(
                message,
                destination.family(),
                destination.prefixLength(),
                route.table(),
                route.protocol(),
                route.scope(),
                route.type().code(),
                route.onlink() ? RTNH_F_ONLINK : 0);
        if (destination.prefixLength() > 0) {
            message.address(RTA_DST, destination.network());
        }
        message.u32(RTA_TABLE, route.table());
        route.gateway().ifPresent(gateway -> writeGateway(message, destination.family(), gateway));
        route.interfaceIndex().ifPresent(index -> message.u32(RTA_OIF, index));
        if (!route.multipath().isEmpty()) {
            message.nested(
                    RTA_MULTIPATH, hops -> route.multipath().forEach(hop -> writeHop(hops, destination.family(), hop)));
        }
        if (route.metric() != 0) {
            message.u32(RTA_PRIORITY, route.metric());
        }
        route.preferredSource().ifPresent(source -> message.address(RTA_PREFSRC, source));
        route.mtu().ifPresent(mtu -> message.nested(RTA_METRICS, metrics -> metrics.u32(RTAX_MTU, mtu)));
    }

    private static void rtmsg(
            MessageWriter message,
            IpFamily family,
            int prefixLength,
            int table,
            int protocol,
            int scope,
            int type,
            int flags) {
        message.bodyU8(AddressFamily.of(family))
                .bodyU8(prefixLength)
                .bodyU8(0)
                .bodyU8(0)
                // RTA_TABLE says it where it does not fit.
                .bodyU8(table >>> 8 == 0 ? table : RT_TABLE_UNSPEC)
                .bodyU8(protocol)
                .bodyU8(scope)
                .bodyU8(type)
                .bodyU32(flags);
    }

    private static void writeGateway(MessageWriter message, IpFamily family, IpAddress gateway) {
        if (gateway.family() == family) {
            message.address(RTA_GATEWAY, gateway);
        } else {
            ByteBuffer via = ByteBuffer.allocate(RTVIA + gateway.family().byteLength());
            via.order(ByteOrder.nativeOrder()).putShort((short) AddressFamily.of(gateway.family()));
            message.bytes(RTA_VIA, via.put(gateway.toBytes()).array());
        }
    }

    private static void writeHop(MessageWriter message, IpFamily family, NextHop hop) {
        message.lengthPrefixed(nexthop -> {
            nexthop.bodyU8(hop.onlink() ? RTNH_F_ONLINK : 0)
                    .bodyU8(hop.weight() - 1)
                    .bodyU32(hop.interfaceIndex());
            hop.gateway().ifPresent(gateway -> writeGateway(nexthop, family, gateway));
        });
    }

    static void writeDump(MessageWriter message, IpFamily family, RouteFilter filter) {
        rtmsg(
                message,
                family,
                0,
                filter.table().orElse(RT_TABLE_UNSPEC),
                filter.protocol().orElse(0),
                0,
                RouteType.UNSPECIFIED.code(),
                0);
        filter.table().ifPresent(table -> message.u32(RTA_TABLE, table));
        filter.interfaceIndex().ifPresent(index -> message.u32(RTA_OIF, index));
    }

    /** Asks for the route itself that a packet to this address would take, not for what becomes of it. */
    static void writeGet(MessageWriter message, IpAddress destination) {
        writeGet(message, destination, RTM_F_FIB_MATCH);
    }

    /** Asks for what becomes of a packet to this address. */
    static void writeResolve(MessageWriter message, IpAddress destination) {
        writeGet(message, destination, 0);
    }

    private static void writeGet(MessageWriter message, IpAddress destination, int flags) {
        rtmsg(
                message,
                destination.family(),
                destination.family().bits(),
                RT_TABLE_UNSPEC,
                0,
                0,
                RouteType.UNSPECIFIED.code(),
                flags);
        message.address(RTA_DST, destination);
    }

    /** Reads the source address in the answer to {@link #writeResolve}; empty if it has none. */
    static Optional<IpAddress> readSource(MessageReader message) {
        message.requireBody("rtmsg", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        AttributeReader attributes = message.attributes(HEADER);
        while (family != null && attributes.next()) {
            if (attributes.type() == RTA_PREFSRC) {
                return Optional.of(attributes.address(family));
            }
        }
        return Optional.empty();
    }

    /** Reads RTM_NEWROUTE or RTM_DELROUTE; empty if the family is not IP, and for a cache entry. */
    public static Optional<Route> read(MessageReader message) {
        message.requireBody("rtmsg", HEADER);
        IpFamily family = AddressFamily.toIp(message.bodyU8(0)).orElse(null);
        int flags = message.bodyU32(8);
        if (family == null || (flags & RTM_F_CLONED) != 0) {
            return Optional.empty();
        }
        IpAddress destination = Cidr.all(family).network();
        IpAddress gateway = null;
        Integer interfaceIndex = null;
        int table = message.bodyU8(4);
        int metric = 0;
        IpAddress preferredSource = null;
        Integer mtu = null;
        List<NextHop> multipath = List.of();
        AttributeReader attributes = message.attributes(HEADER);
        while (attributes.next()) {
            switch (attributes.type()) {
                case RTA_DST -> destination = attributes.address(family);
                case RTA_OIF -> interfaceIndex = attributes.u32();
                case RTA_GATEWAY -> gateway = attributes.address(family);
                case RTA_VIA -> gateway = readVia(attributes);
                case RTA_PRIORITY -> metric = attributes.u32();
                case RTA_PREFSRC -> preferredSource = attributes.address(family);
                case RTA_METRICS -> mtu = readMtu(attributes.nested()).orElse(null);
                case RTA_MULTIPATH -> multipath = readHops(attributes, family);
                case RTA_TABLE -> table = attributes.u32();
                default -> {}
            }
        }
        return Optional.of(new Route(
                cidr(destination, message.bodyU8(1)),
                Optional.ofNullable(gateway),
                Optional.ofNullable(interfaceIndex),
                message.bodyU8(6),
                RouteType.of(message.bodyU8(7)),
                table,
                message.bodyU8(5),
                metric,
                Optional.ofNullable(preferredSource),
                (flags & RTNH_F_ONLINK) != 0,
                Optional.ofNullable(mtu),
                multipath));
    }

    static Cidr cidr(IpAddress network, int prefixLength) {
        try {
            return new Cidr(network, prefixLength);
        } catch (IllegalArgumentException e) {
            throw new MalformedMessageException("invalid block " + network + "/" + prefixLength);
        }
    }

    private static IpAddress readVia(AttributeReader via) {
        IpFamily family = AddressFamily.toIp(via.u16At(0))
                .orElseThrow(() -> new MalformedMessageException("RTA_VIA has the family " + via.u16At(0)));
        return via.addressAt(RTVIA, family);
    }

    private static Optional<Integer> readMtu(AttributeReader metrics) {
        Optional<Integer> mtu = Optional.empty();
        while (metrics.next()) {
            if (metrics.type() == RTAX_MTU) {
                mtu = Optional.of(metrics.u32());
            }
        }
        return mtu;
    }

    private static List<NextHop> readHops(AttributeReader multipath, IpFamily family) {
        List<NextHop> hops = new ArrayList<>();
        int offset = 0;
        while (offset < multipath.length()) {
            int length = multipath.u16At(offset);
            if (length < RTNEXTHOP || length > multipath.length() - offset) {
                throw new MalformedMessageException(
                        "rtnh_len is " + length + " where " + (multipath.length() - offset) + " bytes are left");
            }
            IpAddress gateway = null;
            AttributeReader attributes = multipath.nested(offset + RTNEXTHOP, offset + length);
            while (attributes.next()) {
                switch (attributes.type()) {
                    case RTA_GATEWAY -> gateway = attributes.address(family);
                    case RTA_VIA -> gateway = readVia(attributes);
                    default -> {}
                }
            }
            hops.add(new NextHop(
                    Optional.ofNullable(gateway),
                    multipath.u32At(offset + 4),
                    multipath.u8At(offset + 3) + 1,
                    (multipath.u8At(offset + 2) & RTNH_F_ONLINK) != 0));
            offset += MessageReader.align(length);
        }
        return hops;
    }
}
