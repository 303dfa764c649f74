package dev.ikat.cni;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.NextHop;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The addresses that the host uses itself, for its links or on the way to others, so that a pod with one of them would
 * have no network: the host would take the pod's packets for its own, or send them elsewhere. What Ikat has made does
 * not count.
 */
public final class HostAddresses {
    /**
     * Who makes the routes that are looked at. Routing daemons are left out: they may have a million routes, and
     * exchange blocks instead of single addresses.
     */
    private static final List<Integer> PROTOCOLS = List.of(
            RouteProtocol.KERNEL,
            RouteProtocol.BOOT,
            RouteProtocol.STATIC,
            RouteProtocol.RA,
            RouteProtocol.DHCP,
            RouteProtocol.CALICO);

    private HostAddresses() {}

    /** An address that no pod may have. */
    public sealed interface Held {
        IpAddress address();
    }

    /**
     * A link of the host has it.
     *
     * @param own the link's address with its subnet
     */
    public record OfLink(InterfaceName link, InterfaceAddress own) implements Held {
        @Override
        public IpAddress address() {
            return own.address();
        }
    }

    /** It is the first or last address of a link's subnet, to which the host listens, too. */
    public record OfSubnet(IpAddress address, InterfaceName link) implements Held {}

    /** It is a router of the host. */
    public record Gateway(IpAddress address, Route route) implements Held {}

    /** A route of somebody else leads to this address alone, as to a pod of another plugin. */
    public record Elsewhere(IpAddress address, Route route) implements Held {}

    /** Reads them from the kernel, each once. */
    public static List<Held> read(Netlink netlink) {
        Map<Integer, Link> links = new HashMap<>();
        netlink.links().forEach(link -> links.put(link.index(), link));
        Map<IpAddress, Held> held = new HashMap<>();
        Set<IpAddress> ikats = new HashSet<>();
        for (Address address : netlink.addresses()) {
            Link link = links.get(address.interfaceIndex());
            if (link != null && isOwn(link)) {
                ikats.add(address.address().address());
            } else if (link != null) {
                held.put(address.address().address(), new OfLink(link.name(), address.address()));
            }
        }
        for (Held each : List.copyOf(held.values())) {
            if (each instanceof OfLink(InterfaceName link, InterfaceAddress own)) {
                ends(own.cidr()).forEach(end -> held.putIfAbsent(end, new OfSubnet(end, link)));
            }
        }
        for (IpFamily family : IpFamily.values()) {
            for (int protocol : PROTOCOLS) {
                for (Route route : netlink.routes(family, RouteFilter.ALL.protocol(protocol))) {
                    if (route.interfaceIndex()
                                    .map(links::get)
                                    .filter(HostAddresses::isOwn)
                                    .isEmpty()
                            // IPv6 shows the route to one's own address on the loopback interface (Linux before 4.19).
                            && !ikats.contains(route.destination().network())) {
                        add(route, held);
                    }
                }
            }
        }
        return List.copyOf(held.values());
    }

    private static boolean isOwn(Link link) {
        return LinkNames.isOverlay(link.name()) || PodLink.isHostEnd(link);
    }

    /** A subnet's broadcast address, and its network address, which is one before Linux 5.14, or IPv6's anycast. */
    private static List<IpAddress> ends(Cidr subnet) {
        if (subnet.prefixLength() >= subnet.family().bits() - 1) {
            return List.of();
        }
        return switch (subnet.family()) {
            case IPV4 -> List.of(subnet.first(), subnet.last());
            case IPV6 -> List.of(subnet.first());
        };
    }

    private static void add(Route route, Map<IpAddress, Held> held) {
        Stream.concat(
                        route.gateway().stream(),
                        route.multipath().stream().map(NextHop::gateway).flatMap(Optional::stream))
                .forEach(gateway -> held.putIfAbsent(gateway, new Gateway(gateway, route)));
        Cidr destination = route.destination();
        boolean isSingle = destination.prefixLength() == destination.family().bits();
        if (isSingle && route.type() != RouteType.MULTICAST && route.type() != RouteType.THROW) {
            held.putIfAbsent(destination.network(), new Elsewhere(destination.network(), route));
        }
    }

    /** The addresses alone, in order. */
    public static NavigableSet<IpAddress> addresses(List<Held> held) {
        NavigableSet<IpAddress> addresses = new TreeSet<>();
        held.forEach(each -> addresses.add(each.address()));
        return addresses;
    }
}
