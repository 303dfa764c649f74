package dev.ikat.agent.overlay;

import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.NextHop;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds the {@link Uplink} in the kernel: the interface that is named, or the one that has an address of the node. A
 * host that speaks BGP has that address on its loopback or on a dummy link; then the uplink is the interface by which
 * the other nodes are reached.
 */
public final class UplinkFinder {
    private final Netlink netlink;
    private final List<Link> links;
    private final List<Address> addresses;

    private UplinkFinder(Netlink netlink) {
        this.netlink = netlink;
        this.links = netlink.links();
        this.addresses = netlink.addresses();
    }

    /**
     * The uplink as it is now; empty if there is none.
     *
     * @param wanted the interface that the operator has named
     * @param nodes the cluster's nodes; this one may be among them
     */
    public static Optional<Uplink> find(
            Netlink netlink, Optional<InterfaceName> wanted, Node self, Collection<Node> nodes) {
        UplinkFinder finder = new UplinkFinder(netlink);
        if (wanted.isPresent()) {
            return finder.links.stream()
                    .filter(link -> wanted.get().equals(link.name()))
                    .findFirst()
                    .map(link -> finder.uplink(link, link.mtu(), List.of()));
        }
        Optional<Link> carrier = Optional.empty();
        for (Link link : finder.links) {
            if (finder.own(link).stream().anyMatch(a -> self.internalIps().contains(a.address()))) {
                if (!leadsNowhere(link)) {
                    return Optional.of(finder.uplink(link, link.mtu(), List.of()));
                }
                carrier = carrier.or(() -> Optional.of(link));
            }
        }
        return carrier.flatMap(link -> finder.byRoutes(link, self, nodes));
    }

    /** A link on which there is no other host. */
    private static boolean leadsNowhere(Link link) {
        return link.isLoopback() || link.isKind("dummy");
    }

    private List<InterfaceAddress> own(Link link) {
        return addresses.stream()
                .filter(address -> address.interfaceIndex() == link.index())
                .map(Address::address)
                .toList();
    }

    private Uplink uplink(Link link, int mtu, List<InterfaceAddress> carried) {
        List<InterfaceAddress> all =
                Stream.concat(own(link).stream(), carried.stream()).toList();
        boolean neighbours =
                !link.isPointToPoint() && !link.isNoArp() && link.mac().isPresent();
        return new Uplink(link.index(), link.name(), mtu, all, neighbours);
    }

    /** The link by which most of the other nodes are reached; its MTU is the least of all that lead to any. */
    private Optional<Uplink> byRoutes(Link carrier, Node self, Collection<Node> nodes) {
        Map<Link, Integer> used = new LinkedHashMap<>();
        for (Node node : nodes) {
            if (!node.name().equals(self.name())) {
                for (IpAddress address : node.internalIps()) {
                    if (self.internalIp(address.family()).isPresent()) {
                        netlink.routeTo(address).stream()
                                .flatMap(this::leavingBy)
                                .forEach(link -> used.merge(link, 1, Integer::sum));
                    }
                }
            }
        }
        if (used.isEmpty()) {
            defaultRoutes().flatMap(this::leavingBy).findFirst().ifPresent(link -> used.put(link, 1));
        }
        List<InterfaceAddress> carried = own(carrier).stream()
                .filter(address -> self.internalIps().contains(address.address()))
                .map(address -> InterfaceAddress.host(address.address()))
                .toList();
        return used.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(most -> uplink(
                        most.getKey(),
                        used.keySet().stream()
                                .mapToInt(Link::mtu)
                                .min()
                                .orElse(most.getKey().mtu()),
                        carried));
    }

    private Stream<Link> leavingBy(Route route) {
        List<Integer> indexes = new ArrayList<>();
        route.interfaceIndex().ifPresent(indexes::add);
        route.multipath().stream().map(NextHop::interfaceIndex).forEach(indexes::add);
        return links.stream().filter(link -> indexes.contains(link.index()) && !leadsNowhere(link));
    }

    private Stream<Route> defaultRoutes() {
        return Stream.of(IpFamily.values())
                .flatMap(family -> netlink.routes(family, RouteFilter.ALL.table(Route.TABLE_MAIN)).stream()
                        .filter(route -> route.destination().equals(Cidr.all(family))))
                .sorted(Comparator.comparingInt(Route::metric));
    }
}
