package dev.ikat.agent.overlay;

import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Reads back from the kernel to which node an earlier agent had it send each block's packets. */
public final class RoutesInForce {
    private RoutesInForce() {}

    /**
     * The blocks and addresses that are in force by Ikat's routes.
     *
     * @param self this node, whose own blocks end here
     */
    public static InForce read(Netlink netlink, Node self) {
        Map<Integer, Map<IpAddress, IpAddress>> tunnelled = new HashMap<>();
        for (Link link : netlink.links()) {
            if (LinkNames.isOverlay(link.name())) {
                tunnelled.put(link.index(), ends(netlink, link.index()));
            }
        }
        Map<Cidr, IpAddress> ways = new HashMap<>();
        RouteFilter filter = RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(RouteProtocol.IKAT);
        for (IpFamily family : IpFamily.values()) {
            for (Route route : netlink.routes(family, filter)) {
                if (route.type() == RouteType.UNREACHABLE) {
                    self.internalIps().stream().findFirst().ifPresent(own -> ways.put(route.destination(), own));
                } else if (route.gateway().isPresent()) {
                    IpAddress gateway = route.gateway().get();
                    Optional<Map<IpAddress, IpAddress>> ends =
                            route.interfaceIndex().map(tunnelled::get);
                    IpAddress node = ends.isPresent() ? ends.get().get(gateway) : gateway;
                    if (node != null) {
                        ways.putIfAbsent(route.destination(), node);
                    }
                }
            }
        }
        return InForce.ofRoutes(ways);
    }

    /** By an address on the tunnel the node that is at the other end. */
    private static Map<IpAddress, IpAddress> ends(Netlink netlink, int tunnel) {
        Map<MacAddress, IpAddress> nodes = new HashMap<>();
        for (FdbEntry entry : netlink.fdb(tunnel)) {
            entry.destination().ifPresent(node -> nodes.put(entry.mac(), node));
        }
        Map<IpAddress, IpAddress> ends = new HashMap<>();
        for (IpFamily family : IpFamily.values()) {
            for (Neighbour neighbour : netlink.neighbours(family, tunnel)) {
                neighbour
                        .mac()
                        .flatMap(mac -> Optional.ofNullable(nodes.get(mac)))
                        .ifPresent(node -> ends.put(neighbour.address(), node));
            }
        }
        return ends;
    }
}
