package dev.ikat.agent.overlay;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.AddrGenMode;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Ethtool;
import dev.ikat.netlink.route.Ipv4Setting;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Vxlan;
import dev.ikat.netlink.route.VxlanSpec;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the tunnel links of an {@link OverlayState}, with their settings and addresses. The kernel has two VXLAN links
 * with the same network identifier and port only where one sends over IPv4 and the other one over IPv6, so a link that
 * is not wanted any more goes before another one is made. Not thread-safe.
 */
final class TunnelLinks {
    private static final int RP_FILTER_STRICT = 1;
    /** Without which the tunnel's packets would not be forwarded, or not be taken for what they are. */
    private static final Map<Ipv4Setting, Integer> SETTINGS =
            Map.of(Ipv4Setting.FORWARDING, 1, Ipv4Setting.RP_FILTER, 0, Ipv4Setting.PROXY_ARP, 0);

    private final Netlink netlink;
    private final TunnelObstacle obstacle;
    private final List<String> repairs;

    /** @param repairs is told each change, a line each */
    TunnelLinks(Netlink netlink, List<String> repairs) {
        this.netlink = netlink;
        this.obstacle = new TunnelObstacle(netlink);
        this.repairs = repairs;
    }

    /**
     * What there is now.
     *
     * @param indexes of the links, by the family of their outer packets
     * @param refused why a link could not be made, because of something else on the host
     * @param unwanted the requests that remove what no route is to lead to any more; for the end
     */
    record Made(Map<IpFamily, Integer> indexes, Map<InterfaceName, String> refused, List<Request> unwanted) {
        /** Why the tunnel that most nodes are reached by is missing. */
        Optional<String> untunnelled(OverlayState state) {
            return state.tunnels().stream()
                    .findFirst()
                    .flatMap(tunnel -> Optional.ofNullable(refused.get(tunnel.link())));
        }
    }

    /**
     * Makes the links that are missing or are something else, and repairs the others.
     *
     * @param requests gets those for the links' addresses
     * @throws ForeignDeviceException if an interface that is not Ikat's has the name of one
     */
    Made make(OverlayState state, List<Request> requests) {
        Map<InterfaceName, Link> present = present();
        List<Request> unwanted = new ArrayList<>();
        for (Link link : present.values()) {
            boolean wanted = state.tunnels().stream()
                    .anyMatch(tunnel -> usable(present, tunnel).equals(Optional.of(link)));
            if (!wanted) {
                change(Requests.deleteLink(link.index()).ignoring(Errno.ENODEV), unwanted);
            }
        }
        Map<IpFamily, Integer> indexes = new EnumMap<>(IpFamily.class);
        Map<InterfaceName, String> refused = new LinkedHashMap<>();
        if (!unwanted.isEmpty()
                && state.tunnels().stream()
                        .anyMatch(wanted -> usable(present, wanted).isEmpty())) {
            netlink.execute(unwanted);
            unwanted = List.of();
        }
        for (OverlayState.Tunnel wanted : state.tunnels()) {
            try {
                Link link = usable(present, wanted).orElseGet(() -> create(wanted));
                repair(link, wanted, state);
                addresses(link.index(), wanted, state, requests);
                indexes.put(wanted.family(), link.index());
            } catch (RefusedException e) {
                refused.put(wanted.link(), obstacle.describe(wanted, e.refusal));
            }
        }
        return new Made(indexes, refused, unwanted);
    }

    private Map<InterfaceName, Link> present() {
        Map<InterfaceName, Link> present = new LinkedHashMap<>();
        for (String name : List.of(LinkNames.OVERLAY, LinkNames.OTHER_OVERLAY)) {
            Optional<Link> link = netlink.link(new InterfaceName(name));
            if (link.isPresent()) {
                if (!link.get().isKind("vxlan")) {
                    throw new ForeignDeviceException(link.get());
                }
                present.put(link.get().name(), link.get());
            }
        }
        return present;
    }

    /** What a tunnel is made of is fixed when it is made; only the rest can be changed later. */
    private static Optional<Link> usable(Map<InterfaceName, Link> present, OverlayState.Tunnel wanted) {
        // Not bound to the uplink: routing finds the way to each node, also where there is more than one interface.
        Vxlan made = new Vxlan(wanted.vni(), wanted.port(), Optional.of(wanted.local()), Optional.empty(), false);
        return Optional.ofNullable(present.get(wanted.link()))
                .filter(link -> link.vxlan().filter(made::equals).isPresent());
    }

    private Link create(OverlayState.Tunnel wanted) {
        List<Request> requests = new ArrayList<>();
        change(
                Requests.create(VxlanSpec.of(wanted.link(), wanted.vni(), wanted.port())
                        .local(wanted.local())
                        .mac(wanted.mac())
                        .mtu(wanted.mtu())),
                requests);
        execute(requests);
        return netlink.link(wanted.link()).orElseThrow();
    }

    private void repair(Link link, OverlayState.Tunnel wanted, OverlayState state) {
        if (Ethtool.txChecksumOffload(wanted.link()) != wanted.checksumOffload()) {
            repairs.add("tx checksum offload of " + wanted.link() + (wanted.checksumOffload() ? " on" : " off"));
            Ethtool.setTxChecksumOffload(wanted.link(), wanted.checksumOffload());
        }
        boolean ipv6 = state.tunnelAddresses().stream().anyMatch(a -> a.family() == IpFamily.IPV6);
        String disableIpv6 = "net/ipv6/conf/" + wanted.link() + "/disable_ipv6";
        if (ipv6 && wanted.carries(IpFamily.IPV6) && Sysctl.read(disableIpv6).equals("1")) {
            repairs.add(disableIpv6 + " 0");
            Sysctl.write(disableIpv6, "0");
        }
        List<Request> requests = new ArrayList<>();
        if (link.addrGenMode().filter(mode -> mode != AddrGenMode.NONE).isPresent()) {
            change(Requests.change(LinkChange.of(link.index()).inet6AddrGenMode(AddrGenMode.NONE)), requests);
        }
        if (SETTINGS.entrySet().stream().anyMatch(wish -> differs(link, wish.getKey(), wish.getValue()))) {
            change(Requests.change(LinkChange.of(link.index()).ipv4(SETTINGS)), requests);
        }
        if (link.mtu() != wanted.mtu()) {
            change(Requests.change(LinkChange.of(link.index()).mtu(wanted.mtu())), requests);
        }
        if (link.mac().filter(wanted.mac()::equals).isEmpty()) {
            change(Requests.change(LinkChange.of(link.index()).mac(wanted.mac())), requests);
        }
        if (!link.isUp()) {
            change(Requests.change(LinkChange.of(link.index()).up()), requests);
        }
        if (!requests.isEmpty()) {
            execute(requests);
        }
    }

    private static boolean differs(Link link, Ipv4Setting setting, int wanted) {
        int value = link.settings().value(setting).orElse(wanted);
        // A loose filter lets everything pass that Ikat's routes lead to.
        return setting == Ipv4Setting.RP_FILTER ? value == RP_FILTER_STRICT : value != wanted;
    }

    /** Each link has the same: whichever way a node is reached, it is known by one address. */
    private void addresses(int index, OverlayState.Tunnel wanted, OverlayState state, List<Request> requests) {
        Set<IpAddress> missing = new HashSet<>(state.tunnelAddresses());
        missing.removeIf(address -> !wanted.carries(address.family()));
        for (Address address : netlink.addresses(index)) {
            InterfaceAddress present = address.address();
            boolean host = present.prefixLength() == present.address().family().bits();
            boolean right = host && missing.remove(present.address());
            if (!right && !present.address().isLinkLocal()) {
                change(Requests.delete(address), requests);
            }
        }
        for (IpAddress address : missing) {
            int flags = address.family() == IpFamily.IPV6 ? Address.NODAD : 0;
            change(
                    Requests.add(
                            Address.of(index, InterfaceAddress.host(address)).flags(flags)),
                    requests);
        }
    }

    private void change(Request request, List<Request> requests) {
        repairs.add(request.toString());
        requests.add(request);
    }

    /** A tunnel link belongs to no node alone, and nothing of it can be done without it. */
    private void execute(List<Request> requests) {
        try {
            netlink.execute(requests);
        } catch (NetlinkException e) {
            if (!TunnelObstacle.isReason(e)) {
                throw e;
            }
            requests.forEach(request -> repairs.remove(request.toString()));
            throw new RefusedException(e);
        }
    }

    /** Something else on the host is in the way of a tunnel link. */
    private static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final NetlinkException refusal;

        RefusedException(NetlinkException refusal) {
            super(refusal);
            this.refusal = refusal;
        }
    }
}
