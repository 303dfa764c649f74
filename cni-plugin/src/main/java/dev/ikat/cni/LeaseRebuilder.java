package dev.ikat.cni;

import dev.ikat.ipam.AddressUnavailableException;
import dev.ikat.ipam.Lease;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.model.Attachment;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Makes leases that are missing of what the kernel shows: the alias of a host end names container and interface, its
 * routes, neighbours and other end name the addresses. Files can be lost; a link that is there is somebody's network.
 */
final class LeaseRebuilder {
    private final LeaseStore leases;
    private final NodeNetwork node;

    LeaseRebuilder(LeaseStore leases, NodeNetwork node) {
        this.leases = leases;
        this.node = node;
    }

    /**
     * What became of the links without lease.
     *
     * @param rebuilt the leases that there are now
     * @param unexplained links that could not be given one, each with why and what to do
     */
    record Outcome(List<Lease> rebuilt, List<String> unexplained) {}

    /** Looks at all links. */
    Outcome run() {
        // The leases after the links, since a lease is there before its link and until after it.
        List<Link> hostEnds =
                node.with(Rtnetlink::links).stream().filter(PodLink::isHostEnd).toList();
        return run(hostEnds, leases.leases());
    }

    /**
     * Looks at these links.
     *
     * @param hostEnds as they were before {@code known} was read
     */
    Outcome run(Collection<Link> hostEnds, List<Lease> known) {
        Set<String> leased = new HashSet<>();
        known.forEach(lease -> leased.add(PodLink.of(lease.attachment()).alias()));
        List<Lease> rebuilt = new ArrayList<>();
        List<String> unexplained = new ArrayList<>();
        for (Link hostEnd : hostEnds) {
            if (!leased.contains(hostEnd.alias().orElse("")) && isStill(hostEnd)) {
                rebuild(hostEnd, rebuilt, unexplained);
            }
        }
        return new Outcome(rebuilt, unexplained);
    }

    /** A link that is being deleted is gone before its lease is. */
    private boolean isStill(Link hostEnd) {
        return node.with(host -> host.link(hostEnd.name()))
                .filter(now -> now.index() == hostEnd.index())
                .isPresent();
    }

    private void rebuild(Link hostEnd, List<Lease> rebuilt, List<String> unexplained) {
        Optional<Attachment> attachment = PodLink.attachmentOf(hostEnd);
        if (attachment.isEmpty()) {
            unexplained.add(told(hostEnd, "its alias does not name its attachment"));
            return;
        }
        List<IpAddress> addresses = addresses(hostEnd, PodLink.of(attachment.get()));
        if (addresses.isEmpty()) {
            // A pod that was never finished, most likely: no address, so nothing to keep and nothing to give twice.
            unexplained.add(told(
                    hostEnd,
                    "its addresses can't be determined from its routes, its neighbour entries or its other end"));
            return;
        }
        try {
            leases.rebuild(attachment.get(), addresses).ifPresent(rebuilt::add);
        } catch (AddressUnavailableException e) {
            unexplained.add(told(hostEnd, e.getMessage() + ", too"));
        }
    }

    private static String told(Link hostEnd, String reason) {
        return "link " + hostEnd.name() + " (" + hostEnd.alias().orElse("")
                + ") has no lease, and none can be rebuilt: " + reason
                + "; the link stays until its container is deleted";
    }

    private List<IpAddress> addresses(Link hostEnd, PodLink link) {
        return node.with(host -> {
            List<IpAddress> addresses = new ArrayList<>(2);
            for (IpFamily family : IpFamily.values()) {
                routed(host, hostEnd, family)
                        .or(() -> neighbour(host, hostEnd, link, family))
                        .or(() -> held(host, hostEnd, family))
                        .ifPresent(addresses::add);
            }
            return addresses;
        });
    }

    private static Optional<IpAddress> routed(Rtnetlink host, Link hostEnd, IpFamily family) {
        RouteFilter filter = RouteFilter.ALL
                .table(Route.TABLE_MAIN)
                .protocol(RouteProtocol.IKAT)
                .link(hostEnd.index());
        return host.routes(family, filter).stream()
                .filter(route -> route.destination().prefixLength() == family.bits())
                .map(route -> route.destination().network())
                .findFirst();
    }

    private static Optional<IpAddress> neighbour(Rtnetlink host, Link hostEnd, PodLink link, IpFamily family) {
        return host.neighbours(family, hostEnd.index()).stream()
                .filter(neighbour -> neighbour.isPermanent()
                        && neighbour.equals(PodWiring.podNeighbour(neighbour.address(), link, hostEnd.index())))
                .map(Neighbour::address)
                .findFirst();
    }

    /** What the pod's end has; the link-local addresses that the kernel may give it are none of ours. */
    private static Optional<IpAddress> held(Rtnetlink host, Link hostEnd, IpFamily family) {
        if (hostEnd.peerNamespaceId().isEmpty() || hostEnd.peerIndex().isEmpty()) {
            return Optional.empty();
        }
        return host
                .addressesIn(
                        hostEnd.peerNamespaceId().get(), hostEnd.peerIndex().get())
                .stream()
                .map(Address::address)
                .filter(address -> address.address().family() == family && address.prefixLength() == family.bits())
                .map(address -> address.address())
                .findFirst();
    }
}
