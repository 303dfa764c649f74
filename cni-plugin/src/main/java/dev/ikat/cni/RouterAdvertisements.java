package dev.ikat.cni;

import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * On which links a host has routers that advertise themselves: those on which it has learned something from one, and
 * those that lead off the host, where a router may appear later. Not the links of containers and the bridges between
 * them, on which any container could make itself the host's router; never Ikat's own links.
 */
final class RouterAdvertisements {
    private static final Set<String> ON_TOP_OF_ANOTHER = Set.of("vlan", "macvlan", "ipvlan");
    private static final Set<String> WITH_PORTS = Set.of("bridge", "bond", "team");

    private final List<Link> links;
    /** The indexes of the links on which something was learned. */
    private final Set<Integer> learned = new HashSet<>();

    private RouterAdvertisements(List<Link> links) {
        this.links = links;
    }

    /** How it is now. */
    static RouterAdvertisements read(Netlink netlink) {
        RouterAdvertisements now = new RouterAdvertisements(netlink.links());
        for (Route route : netlink.routes(IpFamily.IPV6, RouteFilter.ALL.protocol(RouteProtocol.RA))) {
            route.interfaceIndex().ifPresent(now.learned::add);
            route.multipath().forEach(hop -> now.learned.add(hop.interfaceIndex()));
        }
        for (Address address : netlink.addresses()) {
            // One that expires came from a router, or from a DHCP server that a router has named.
            if (address.address().address().family() == IpFamily.IPV6
                    && !address.address().address().isLinkLocal()
                    && !address.has(Address.PERMANENT)) {
                now.learned.add(address.interfaceIndex());
            }
        }
        return now;
    }

    /** The links on which advertisements are to be believed, as far as the host's settings say so. */
    List<Link> links() {
        return links.stream()
                .filter(link -> !link.isLoopback() && !isOwn(link))
                .filter(link -> learned.contains(link.index()) || leadsOff(link, new HashSet<>()))
                .toList();
    }

    private static boolean isOwn(Link link) {
        return LinkNames.isPodLink(link.name()) || LinkNames.isOverlay(link.name());
    }

    /** A network card, or what consists of one. */
    private boolean leadsOff(Link link, Set<Integer> seen) {
        if (!seen.add(link.index())) {
            return false;
        }
        String kind = link.kind().orElse("");
        if (kind.isEmpty()) {
            return !link.isLoopback() && link.mac().isPresent();
        }
        if (ON_TOP_OF_ANOTHER.contains(kind)) {
            return link.peerNamespaceId().isPresent()
                    || links.stream()
                            .filter(lower -> link.peerIndex().equals(Optional.of(lower.index())))
                            .anyMatch(lower -> leadsOff(lower, seen));
        }
        return WITH_PORTS.contains(kind)
                && links.stream()
                        .filter(port -> port.master().equals(Optional.of(link.index())))
                        .anyMatch(port -> leadsOff(port, seen));
    }
}
