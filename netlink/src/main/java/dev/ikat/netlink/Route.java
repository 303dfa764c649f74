package dev.ikat.netlink;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;

/**
 * A route. One made by {@link #to} equals what the kernel reads back: scope and metric start as the kernel would set
 * them (metric 1024 for IPv6; scope link for an IPv4 route without gateway).
 *
 * @param destination where to
 * @param gateway the next router; may be an IPv6 address for an IPv4 destination (RTA_VIA)
 * @param interfaceIndex the link by which packets leave
 * @param scope see {@link Scope}
 * @param type what happens to the packet
 * @param table the routing table; see {@link #TABLE_MAIN}
 * @param protocol who made it; see {@link RouteProtocol}
 * @param metric among routes to the same destination the lowest wins
 * @param preferredSource the source address of packets that have none yet
 * @param onlink whether the gateway counts as on the link although no route says so
 * @param mtu a path MTU for this destination, in bytes
 * @param multipath the hops of a route that has several; {@code gateway} and {@code interfaceIndex} are empty then
 */
public record Route(
        Cidr destination,
        Optional<IpAddress> gateway,
        Optional<Integer> interfaceIndex,
        int scope,
        RouteType type,
        int table,
        int protocol,
        int metric,
        Optional<IpAddress> preferredSource,
        boolean onlink,
        Optional<Integer> mtu,
        List<NextHop> multipath) {

    /** RT_TABLE_MAIN. */
    public static final int TABLE_MAIN = 254;
    /** RT_TABLE_LOCAL: the host's own addresses, kept by the kernel. */
    public static final int TABLE_LOCAL = 255;
    /** IP6_RT_PRIO_USER (linux/ipv6_route.h): the metric the kernel gives an IPv6 route that names none. */
    public static final int DEFAULT_IPV6_METRIC = 1024;

    public Route {
        multipath = List.copyOf(multipath);
    }

    /** A unicast route of the main table by protocol {@link RouteProtocol#IKAT}, still without link and gateway. */
    public static Route to(Cidr destination) {
        boolean ipv4 = destination.family() == IpFamily.IPV4;
        return new Route(
                destination,
                Optional.empty(),
                Optional.empty(),
                ipv4 ? Scope.LINK : Scope.UNIVERSE,
                RouteType.UNICAST,
                TABLE_MAIN,
                RouteProtocol.IKAT,
                ipv4 ? 0 : DEFAULT_IPV6_METRIC,
                Optional.empty(),
                false,
                Optional.empty(),
                List.of());
    }

    /** The same, leaving by this link. */
    public Route link(int index) {
        return new Route(
                destination,
                gateway,
                Optional.of(index),
                scope,
                type,
                table,
                protocol,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same by way of this router, and with the scope universe that such a route has. */
    public Route via(IpAddress router) {
        return new Route(
                destination,
                Optional.of(router),
                interfaceIndex,
                Scope.UNIVERSE,
                type,
                table,
                protocol,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same with the gateway taken as on the link (RTNH_F_ONLINK). */
    public Route viaOnlink(IpAddress router) {
        return new Route(
                destination,
                Optional.of(router),
                interfaceIndex,
                Scope.UNIVERSE,
                type,
                table,
                protocol,
                metric,
                preferredSource,
                true,
                mtu,
                multipath);
    }

    /** The same with this scope. */
    public Route scope(int value) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                value,
                type,
                table,
                protocol,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same of this type. Blackhole, unreachable and prohibit routes have neither link nor gateway. */
    public Route type(RouteType value) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                value,
                table,
                protocol,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same in this table. */
    public Route table(int value) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                type,
                value,
                protocol,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same made by this protocol. */
    public Route protocol(int value) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                type,
                table,
                value,
                metric,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same with this metric. */
    public Route metric(int value) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                type,
                table,
                protocol,
                value,
                preferredSource,
                onlink,
                mtu,
                multipath);
    }

    /** The same preferring this source address. */
    public Route preferredSource(IpAddress address) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                type,
                table,
                protocol,
                metric,
                Optional.of(address),
                onlink,
                mtu,
                multipath);
    }

    /** The same with this path MTU, in bytes. */
    public Route mtu(int bytes) {
        return new Route(
                destination,
                gateway,
                interfaceIndex,
                scope,
                type,
                table,
                protocol,
                metric,
                preferredSource,
                onlink,
                Optional.of(bytes),
                multipath);
    }

    @Override
    public String toString() {
        return "route " + (type == RouteType.UNICAST ? "" : type + " ") + destination
                + gateway.map(a -> " via " + a).orElse("")
                + interfaceIndex.map(i -> " on link " + i).orElse("")
                + (multipath.isEmpty() ? "" : " " + multipath)
                + (onlink ? " onlink" : "")
                + preferredSource.map(a -> " src " + a).orElse("")
                + mtu.map(m -> " mtu " + m).orElse("")
                + (table == TABLE_MAIN ? "" : " table " + Integer.toUnsignedString(table))
                + " protocol " + protocol
                + (metric == 0 ? "" : " metric " + Integer.toUnsignedString(metric));
    }
}
