package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Node;
import dev.ikat.cni.HostAddresses.Elsewhere;
import dev.ikat.cni.HostAddresses.Gateway;
import dev.ikat.cni.HostAddresses.Held;
import dev.ikat.cni.HostAddresses.OfLink;
import dev.ikat.cni.HostAddresses.OfSubnet;
import dev.ikat.ipam.Lease;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Route;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Says which addresses of this node's pod CIDRs the host has for itself, who brought that about, and how it would be
 * undone. No pod is given such an address; one that had it before is named, because its packets end at the host.
 */
public final class HeldAddresses {
    private final Netlink netlink;
    private final ForeignRoutes routes;
    private final Node self;

    /** @param self this node */
    public HeldAddresses(Netlink netlink, Node self) {
        this.netlink = netlink;
        this.routes = new ForeignRoutes(netlink);
        this.self = self;
    }

    /**
     * The faults, in the addresses' order.
     *
     * @param held what the host has for itself
     * @param leases this node's; asked only where there is any fault
     */
    public List<NodeFault> faults(List<Held> held, Supplier<List<Lease>> leases) {
        List<Held> concerned = held.stream()
                .filter(each -> self.podCidrs().stream().anyMatch(cidr -> cidr.contains(each.address())))
                // Whether that may be is decided about the whole block.
                .filter(each -> !self.internalIps().contains(each.address()))
                .sorted(Comparator.comparing(Held::address))
                .toList();
        if (concerned.isEmpty()) {
            return List.of();
        }
        Map<IpAddress, Lease> leased = new LinkedHashMap<>();
        leases.get().forEach(lease -> lease.addresses().forEach(address -> leased.put(address, lease)));
        List<NodeFault> faults = new ArrayList<>();
        // A former plugin's pods may be many, with a route each: one fault for all that have the same owner.
        Map<String, List<Elsewhere>> others = new LinkedHashMap<>();
        for (Held each : concerned) {
            Optional<Lease> lease = Optional.ofNullable(leased.get(each.address()));
            switch (each) {
                case OfLink ofLink -> faults.add(fault(who(ofLink.address()) + ofLink(ofLink), lease));
                case OfSubnet(IpAddress address, InterfaceName link) ->
                    // An end of a subnet whose address is named.
                    lease.ifPresent(_ -> faults.add(fault(
                            who(address) + " is one to which the host's link " + link + " listens" + mend(link),
                            lease)));
                case Gateway(IpAddress address, Route route) ->
                    faults.add(fault(
                            who(address) + " is a router of this host, as in its route '" + routes.line(route)
                                    + "', so no pod is given it; give the node another pod CIDR",
                            lease));
                case Elsewhere elsewhere ->
                    others.computeIfAbsent(owner(elsewhere.route()), _ -> new ArrayList<>())
                            .add(elsewhere);
            }
        }
        others.forEach((owner, all) -> faults.add(elsewhere(owner, all, leased)));
        return faults;
    }

    private String who(IpAddress address) {
        Cidr block = self.podCidrs().stream()
                .filter(cidr -> cidr.contains(address))
                .findFirst()
                .orElseThrow();
        return "address " + address + " of pod CIDR " + block;
    }

    private static String ofLink(OfLink held) {
        return " is that of this host's link " + held.link() + ", so no pod is given it"
                + (FormerCni.ofLink(held.link()).isPresent()
                        ? mend(held.link())
                        : "; give the node another pod CIDR, or remove the address: ip address del " + held.own()
                                + " dev " + held.link());
    }

    private static String mend(InterfaceName link) {
        return FormerCni.ofLink(link)
                .map(cni -> "; " + cni.title() + " has probably left the link, which can be removed: "
                        + FormerCni.removal(link))
                .orElse("");
    }

    private String owner(Route route) {
        return link(route)
                .flatMap(FormerCni::ofLink)
                .map(FormerCni::title)
                .orElseGet(() -> RouteOwners.ofHost().name(route.protocol()));
    }

    private Optional<InterfaceName> link(Route route) {
        return route.interfaceIndex().flatMap(netlink::link).map(Link::name);
    }

    private NodeFault elsewhere(String owner, List<Elsewhere> all, Map<IpAddress, Lease> leased) {
        Elsewhere first = all.getFirst();
        String more = all.size() == 1 ? "" : ", and so are " + (all.size() - 1) + " more";
        return fault(
                who(first.address()) + " is routed to '" + routes.line(first.route()) + "' by " + owner + more
                        + ", so no pod is given such an address; if nothing uses it any more, take it away: "
                        + link(first.route())
                                .filter(name -> FormerCni.ofLink(name).isPresent())
                                .map(FormerCni::removal)
                                .orElseGet(() -> routes.removal(first.route())),
                all.stream()
                        .flatMap(each -> Optional.ofNullable(leased.get(each.address())).stream())
                        .findFirst());
    }

    private NodeFault fault(String text, Optional<Lease> lease) {
        return new NodeFault(
                self.name(),
                Cause.ADDRESS_HELD,
                text
                        + lease.map(each -> "; " + name(each)
                                        + " was given it before and can't be reached until it is deleted and made"
                                        + " again")
                                .orElse(""));
    }

    private static String name(Lease lease) {
        return lease.pod().map(pod -> "pod " + pod).orElseGet(() -> "container " + lease.attachment());
    }
}
