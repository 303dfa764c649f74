package dev.ikat.netlink.route;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A route. One created by {@link #to} equals what is read back from the kernel: scope and metric have the values that
 * the kernel would set (metric 1024 for IPv6; scope link for an IPv4 route without gateway).
 *
 * @param destination the addresses that it leads to
 * @param gateway the next router; may be an IPv6 address for an IPv4 destination (RTA_VIA)
 * @param interfaceIndex the link by which packets leave
 * @param scope see {@link Scope}
 * @param type what happens to the packet
 * @param table the routing table; see {@link #TABLE_MAIN}
 * @param protocol who created it; see {@link RouteProtocol}
 * @param metric among routes to the same destination the lowest wins
 * @param preferredSource the source address of packets that have none yet
 * @param onlink whether the gateway counts as on the link although no route says so
 * @param mtu a path MTU for this destination, in bytes
 * @param multipath the next hops if it has several; {@code gateway} and {@code interfaceIndex} are empty then
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
    /** RT_TABLE_LOCAL: the host's own addresses, maintained by the kernel. */
    public static final int TABLE_LOCAL = 255;
    /** IP6_RT_PRIO_USER ({@code linux/ipv6_route.h}): the metric of an IPv6 route for which none is given. */
    public static final int DEFAULT_IPV6_METRIC = 1024;

    public Route {
        multipath = List.copyOf(multipath);
    }

    /** A unicast route in the main table with protocol {@link RouteProtocol#IKAT}, without link and gateway so far. */
    public static Route to(Cidr destination) {
        return new Builder(destination).build();
    }

    /** The same, leaving by this link. */
    public Route link(int index) {
        return with(route -> route.interfaceIndex = Optional.of(index));
    }

    /** The same via this router, with the scope universe that such a route has. */
    public Route via(IpAddress router) {
        return with(route -> route.via(router));
    }

    /** The same via this router, which counts as on the link (RTNH_F_ONLINK). */
    public Route viaOnlink(IpAddress router) {
        return with(route -> {
            route.via(router);
            route.onlink = true;
        });
    }

    /** The same with this scope. */
    public Route scope(int value) {
        return with(route -> route.scope = value);
    }

    /** The same of this type. Blackhole, unreachable and prohibit routes have neither link nor gateway. */
    public Route type(RouteType value) {
        return with(route -> route.type = value);
    }

    /** The same in this table. */
    public Route table(int value) {
        return with(route -> route.table = value);
    }

    /** The same with this protocol. */
    public Route protocol(int value) {
        return with(route -> route.protocol = value);
    }

    /** The same with this metric. */
    public Route metric(int value) {
        return with(route -> route.metric = value);
    }

    /** The same preferring this source address. */
    public Route preferredSource(IpAddress address) {
        return with(route -> route.preferredSource = Optional.of(address));
    }

    /** The same with this path MTU, in bytes. */
    public Route mtu(int bytes) {
        return with(route -> route.mtu = Optional.of(bytes));
    }

    private Route with(Consumer<Builder> change) {
        Builder builder = new Builder(this);
        change.accept(builder);
        return builder.build();
    }

    /** A route in the making: each field by its name, where the constructor tells them apart by their order alone. */
    static final class Builder {
        final Cidr destination;
        Optional<IpAddress> gateway = Optional.empty();
        Optional<Integer> interfaceIndex = Optional.empty();
        int scope;
        RouteType type = RouteType.UNICAST;
        int table = TABLE_MAIN;
        int protocol = RouteProtocol.IKAT;
        int metric;
        Optional<IpAddress> preferredSource = Optional.empty();
        boolean onlink;
        Optional<Integer> mtu = Optional.empty();
        List<NextHop> multipath = List.of();

        /** A route as {@link Route#to} makes it. */
        Builder(Cidr destination) {
            boolean ipv4 = destination.family() == IpFamily.IPV4;
            this.destination = destination;
            this.scope = ipv4 ? Scope.LINK : Scope.UNIVERSE;
            this.metric = ipv4 ? 0 : DEFAULT_IPV6_METRIC;
        }

        private Builder(Route route) {
            this.destination = route.destination;
            this.gateway = route.gateway;
            this.interfaceIndex = route.interfaceIndex;
            this.scope = route.scope;
            this.type = route.type;
            this.table = route.table;
            this.protocol = route.protocol;
            this.metric = route.metric;
            this.preferredSource = route.preferredSource;
            this.onlink = route.onlink;
            this.mtu = route.mtu;
            this.multipath = route.multipath;
        }

        private void via(IpAddress router) {
            gateway = Optional.of(router);
            scope = Scope.UNIVERSE;
        }

        Route build() {
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
                    mtu,
                    multipath);
        }
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
