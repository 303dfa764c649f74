package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.NextHop;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Finds the routes of others that keep one of the overlay's from being made, or from being used, and says whose they
 * are and how they would be taken away.
 */
final class ForeignRoutes {
    private final Netlink netlink;

    ForeignRoutes(Netlink netlink) {
        this.netlink = netlink;
    }

    /** The route of somebody else in whose place this one would be. */
    Optional<Route> inPlaceOf(Route wanted) {
        return netlink.routes(wanted.destination().family(), RouteFilter.ALL.table(wanted.table())).stream()
                .filter(route -> route.protocol() != RouteProtocol.IKAT
                        && route.destination().equals(wanted.destination())
                        && route.metric() == wanted.metric())
                .findFirst();
    }

    /** The routes that come with addresses of the host. */
    List<Route> connected(IpFamily family) {
        return netlink.routes(family, RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(RouteProtocol.KERNEL));
    }

    /**
     * The routes that former plugins' links have to parts of other nodes' blocks: the more exact ones, they win.
     *
     * @param nodes which node a block belongs to
     */
    List<NodeFault> intoParts(IpFamily family, Map<Cidr, String> nodes) {
        List<NodeFault> faults = new ArrayList<>();
        for (Link link : netlink.links()) {
            // A pod's link has routes of its node only, and there may be many.
            if (link.isKind("veth") || FormerCni.ofLink(link.name()).isEmpty()) {
                continue;
            }
            Map<Cidr, Route> firsts = new TreeMap<>();
            for (Route route : netlink.routes(
                    family, RouteFilter.ALL.table(Route.TABLE_MAIN).link(link.index()))) {
                nodes.keySet().stream()
                        .filter(block -> block.contains(route.destination()) && !block.equals(route.destination()))
                        .findFirst()
                        .ifPresent(block -> firsts.putIfAbsent(block, route));
            }
            firsts.forEach((block, route) -> {
                String node = nodes.get(block);
                if (node != null) {
                    faults.add(new NodeFault(
                            node,
                            Cause.ROUTE,
                            "pod CIDR " + block + " of node " + node + " can't be reached as a whole, because "
                                    + route.destination() + " of it has a route of its own: " + describe(route)));
                }
            });
        }
        return faults;
    }

    /** What it is, whose, and what to do about it. */
    String describe(Route route) {
        String line = line(route);
        Optional<InterfaceName> leftover = route.interfaceIndex()
                .flatMap(netlink::link)
                .map(Link::name)
                .filter(name -> FormerCni.ofLink(name).isPresent());
        if (leftover.isPresent()) {
            InterfaceName link = leftover.get();
            return "'" + line + "', which "
                    + FormerCni.ofLink(link).map(FormerCni::title).orElseThrow()
                    + " has probably left with its link; remove that: " + FormerCni.removal(link);
        }
        String owner = owner(route);
        String mend = route.protocol() == RouteProtocol.KERNEL
                ? addressOf(route)
                        .map(address -> "give the node another pod CIDR, or remove the address: ip address del "
                                + address.address() + " dev " + name(address.interfaceIndex()))
                        .orElse("give the node another pod CIDR")
                : "take it away, and see to it that nobody makes it again: " + removal(route);
        return "'" + line + "', made by " + owner + "; " + mend;
    }

    private static String owner(Route route) {
        String name = RouteOwners.ofHost().name(route.protocol());
        // Both add their routes as "ip route add" does, and so does whoever types that.
        return route.protocol() == RouteProtocol.BOOT && route.gateway().isPresent()
                ? name + " (as by kindnet, flannel's host-gw or 'ip route add')"
                : name;
    }

    /** The command that takes it away. */
    String removal(Route route) {
        return "ip " + (route.destination().family() == IpFamily.IPV6 ? "-6 " : "") + "route del " + line(route);
    }

    /** As {@code ip route} prints it, and takes it. */
    String line(Route route) {
        StringBuilder line = new StringBuilder();
        if (route.type() != RouteType.UNICAST) {
            line.append(route.type().name().toLowerCase(Locale.ROOT)).append(' ');
        }
        line.append(destination(route.destination()));
        route.gateway()
                .ifPresent(gateway -> line.append(" via ")
                        .append(gateway.family() == route.destination().family() ? "" : "inet6 ")
                        .append(gateway));
        // The kernel shows an IPv6 route that ends here on the loopback interface.
        route.interfaceIndex()
                .filter(_ -> route.type() == RouteType.UNICAST)
                .ifPresent(index -> line.append(" dev ").append(name(index)));
        line.append(" proto ").append(RouteOwners.ofHost().name(route.protocol()));
        if (route.metric() != 0) {
            line.append(" metric ").append(Integer.toUnsignedString(route.metric()));
        }
        for (NextHop hop : route.multipath()) {
            line.append(" nexthop");
            hop.gateway().ifPresent(gateway -> line.append(" via ").append(gateway));
            line.append(" dev ").append(name(hop.interfaceIndex()));
        }
        return line.toString();
    }

    private static String destination(Cidr cidr) {
        return cidr.prefixLength() == 0
                ? "default"
                : cidr.prefixLength() == cidr.family().bits() ? cidr.network().toString() : cidr.toString();
    }

    private String name(int index) {
        return netlink.link(index).map(Link::name).map(InterfaceName::value).orElse("if" + index);
    }

    /** The address that the kernel made the route for. */
    private Optional<Address> addressOf(Route route) {
        return route.interfaceIndex()
                .flatMap(index -> netlink.addresses(index).stream()
                        .filter(address -> address.address().cidr().equals(route.destination()))
                        .findFirst());
    }
}
