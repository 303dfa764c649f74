package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.AddrGenMode;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Ethtool;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.Ipv4Setting;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import dev.ikat.netlink.route.Scope;
import dev.ikat.netlink.route.Vxlan;
import dev.ikat.netlink.route.VxlanSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the kernel's overlay equal to an {@link OverlayState}: reads back the tunnel link, its addresses, its
 * forwarding and neighbour entries and Ikat's routes, and changes only what differs.
 *
 * <p>It owns the link {@link LinkNames#OVERLAY} with everything on it, and those routes with Ikat's protocol number
 * that have a gateway or end at this node. It does not touch the pods' own routes (a link, no gateway). It never
 * replaces another program's route, and reports one that is in the way. The calling thread is in the node's network
 * namespace. Not thread-safe.
 */
public final class OverlayReconciler {
    private static final InterfaceName DEVICE_NAME = new InterfaceName(LinkNames.OVERLAY);
    /**
     * Any other route to the same block wins over "unreachable": nobody else's way to these addresses, as during a
     * migration, is cut off by it.
     */
    private static final int METRIC_LAST = 0x7fff_ffff;

    private static final int RP_FILTER_STRICT = 1;
    /** Without which the tunnel's packets would not be forwarded, or not be taken for what they are. */
    private static final Map<Ipv4Setting, Integer> TUNNEL_SETTINGS =
            Map.of(Ipv4Setting.FORWARDING, 1, Ipv4Setting.RP_FILTER, 0, Ipv4Setting.PROXY_ARP, 0);

    private final Netlink netlink;
    private final ForeignRoutes foreign;
    private final TunnelObstacle obstacle;
    private final List<String> repairs = new ArrayList<>();

    /** What of one other node's way a request makes, by the request's place in the batch. */
    private final Map<Integer, Part> parts = new HashMap<>();

    /**
     * A part of the way to one other node.
     *
     * @param what as in "pod CIDR 10.244.1.0/24"
     * @param route the route, if it is one
     */
    private record Part(String node, String what, Optional<Route> route) {}

    public OverlayReconciler(Netlink netlink) {
        this.netlink = netlink;
        this.foreign = new ForeignRoutes(netlink);
        this.obstacle = new TunnelObstacle(netlink);
    }

    /**
     * The result of a reconciliation.
     *
     * @param changes what was changed, one line for each; empty if there was no drift
     * @param faults which nodes' pods can't be reached, although the plan has a path to them
     * @param untunnelled why there is no tunnel, although the plan has one; it is among the faults
     */
    public record Outcome(List<String> changes, List<NodeFault> faults, Optional<String> untunnelled) {
        public Outcome {
            changes = List.copyOf(changes);
            faults = List.copyOf(faults);
        }
    }

    /**
     * Reads back, compares and repairs. If the kernel refuses a part of the path to one node, only that path is
     * affected; if something else on the host keeps the tunnel from being made, only the paths through it are.
     *
     * @throws NetlinkException if the kernel refused something that all paths need; the other changes were made
     * @throws ForeignDeviceException if an interface that is not Ikat's has the tunnel link's name
     */
    public Outcome reconcile(OverlayState state) {
        repairs.clear();
        parts.clear();
        Optional<Link> device = netlink.link(DEVICE_NAME);
        if (device.isPresent() && !device.get().isKind("vxlan")) {
            throw new ForeignDeviceException(device.get());
        }
        List<Request> requests = new ArrayList<>();
        Optional<String> untunnelled = Optional.empty();
        Optional<Integer> index = Optional.empty();
        if (state.tunnel().isPresent()) {
            try {
                index = Optional.of(device(state.tunnel().get(), device, state));
            } catch (TunnelRefusedException e) {
                untunnelled = Optional.of(obstacle.describe(state.tunnel().get(), e.refusal));
            }
        }
        if (index.isPresent()) {
            addresses(index.get(), state, requests);
            forwarding(index.get(), state, requests);
            neighbours(index.get(), state, requests);
        } else if (device.isPresent() && untunnelled.isEmpty()) {
            change(Requests.deleteLink(device.get().index()), requests);
        }
        Map<Cidr, NodeFault> outranked = new HashMap<>();
        List<NodeFault> faults = new ArrayList<>();
        untunnelled.ifPresent(reason -> faults.add(new NodeFault(state.self(), Cause.TUNNEL, reason)));
        for (IpFamily family : IpFamily.values()) {
            routes(family, index, state, requests);
            outranked.putAll(outranked(family, state));
            Map<Cidr, String> nodes = nodes(state, family);
            if (!nodes.isEmpty()) {
                faults.addAll(foreign.intoParts(family, nodes));
            }
        }
        faults.addAll(outranked.values());
        faults.addAll(execute(requests, outranked.keySet()));
        return new Outcome(repairs, faults, untunnelled);
    }

    /**
     * All in one batch, of which the kernel tries each; what it refused of one node's is that node's fault.
     *
     * @param told the blocks of which it is known already what is in the way
     */
    private List<NodeFault> execute(List<Request> requests, Set<Cidr> told) {
        if (requests.isEmpty()) {
            return List.of();
        }
        try {
            netlink.execute(requests);
            return List.of();
        } catch (NetlinkException e) {
            List<NodeFault> faults = new ArrayList<>();
            List<NetlinkException> failures = new ArrayList<>(List.of(e));
            for (Throwable suppressed : e.getSuppressed()) {
                if (suppressed instanceof NetlinkException failure) {
                    failures.add(failure);
                }
            }
            for (NetlinkException failure : failures) {
                Part refused = parts.get(failure.requestIndex().orElse(-1));
                if (refused == null) {
                    throw e;
                }
                if (refused.route()
                        .filter(route -> told.contains(route.destination()))
                        .isEmpty()) {
                    faults.add(new NodeFault(refused.node(), Cause.ROUTE, reason(refused, failure)));
                }
                repairs.remove(
                        requests.get(failure.requestIndex().orElseThrow()).toString());
            }
            return faults;
        }
    }

    private String reason(Part refused, NetlinkException failure) {
        Optional<Route> other =
                failure.errno() == Errno.EEXIST ? refused.route().flatMap(foreign::inPlaceOf) : Optional.empty();
        String who = refused.what() + " of node " + refused.node();
        return other.map(route -> who + " gets no route: in its place is " + foreign.describe(route))
                .orElseGet(
                        () -> who + " can't be reached from here, because the kernel refused: " + failure.getMessage());
    }

    /** Routes that come with the host's own addresses and win over a node's. */
    private Map<Cidr, NodeFault> outranked(IpFamily family, OverlayState state) {
        Map<Cidr, String> nodes = nodes(state, family);
        if (family == IpFamily.IPV4 || nodes.isEmpty()) {
            // In IPv4 both have metric 0, and the kernel refuses the second one.
            return Map.of();
        }
        Map<Cidr, NodeFault> faults = new HashMap<>();
        for (Route route : foreign.connected(family)) {
            String node = nodes.get(route.destination());
            if (node != null && Integer.compareUnsigned(route.metric(), Route.DEFAULT_IPV6_METRIC) < 0) {
                faults.put(
                        route.destination(),
                        new NodeFault(
                                node,
                                Cause.ROUTE,
                                "the route to pod CIDR " + route.destination() + " of node " + node
                                        + " is not used, because this route takes precedence: "
                                        + foreign.describe(route)));
            }
        }
        return faults;
    }

    /** Which node a block with a route belongs to. */
    private static Map<Cidr, String> nodes(OverlayState state, IpFamily family) {
        Map<Cidr, String> nodes = new HashMap<>();
        for (Peer peer : state.peers()) {
            for (OverlayRoute route : peer.routes()) {
                if (route.destination().family() == family) {
                    nodes.put(route.destination(), peer.node());
                }
            }
        }
        return nodes;
    }

    /** Removes everything that {@link #reconcile} creates. */
    public void remove() {
        reconcile(OverlayState.NOTHING);
    }

    private void change(Request request, List<Request> requests) {
        repairs.add(request.toString());
        requests.add(request);
    }

    /** The tunnel link, which belongs to no node alone, and nothing of which can be done without it. */
    private void makeDevice(List<Request> requests) {
        try {
            netlink.execute(requests);
        } catch (NetlinkException e) {
            if (!TunnelObstacle.isReason(e)) {
                throw e;
            }
            requests.forEach(request -> repairs.remove(request.toString()));
            throw new TunnelRefusedException(e);
        }
    }

    /** Something else on the host is in the way of the tunnel link. */
    private static final class TunnelRefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final NetlinkException refusal;

        TunnelRefusedException(NetlinkException refusal) {
            super(refusal);
            this.refusal = refusal;
        }
    }

    private int device(OverlayState.Tunnel wanted, Optional<Link> present, OverlayState state) {
        Optional<Link> usable = present.filter(link -> sameTunnel(link, wanted));
        if (usable.isEmpty()) {
            // What a tunnel is made of is fixed when it is made; only the rest can be changed later.
            VxlanSpec spec = VxlanSpec.of(DEVICE_NAME, wanted.vni(), wanted.port())
                    .local(wanted.local())
                    .mac(wanted.mac())
                    .mtu(wanted.mtu());
            List<Request> requests = new ArrayList<>();
            present.ifPresent(link -> change(Requests.deleteLink(link.index()), requests));
            change(Requests.create(spec), requests);
            makeDevice(requests);
        }
        Link link = usable.orElseGet(() -> netlink.link(DEVICE_NAME).orElseThrow());
        if (Ethtool.txChecksumOffload(DEVICE_NAME) != wanted.checksumOffload()) {
            repairs.add("tx checksum offload of " + LinkNames.OVERLAY + (wanted.checksumOffload() ? " on" : " off"));
            Ethtool.setTxChecksumOffload(DEVICE_NAME, wanted.checksumOffload());
        }
        boolean ipv6 = state.tunnelAddresses().stream().anyMatch(a -> a.family() == IpFamily.IPV6);
        String disableIpv6 = "net/ipv6/conf/" + LinkNames.OVERLAY + "/disable_ipv6";
        if (ipv6 && Sysctl.read(disableIpv6).equals("1")) {
            repairs.add(disableIpv6 + " 0");
            Sysctl.write(disableIpv6, "0");
        }
        List<Request> requests = new ArrayList<>();
        if (link.addrGenMode().filter(mode -> mode != AddrGenMode.NONE).isPresent()) {
            change(Requests.change(LinkChange.of(link.index()).inet6AddrGenMode(AddrGenMode.NONE)), requests);
        }
        if (TUNNEL_SETTINGS.entrySet().stream().anyMatch(wish -> differs(link, wish.getKey(), wish.getValue()))) {
            change(Requests.change(LinkChange.of(link.index()).ipv4(TUNNEL_SETTINGS)), requests);
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
            makeDevice(requests);
        }
        return link.index();
    }

    private static boolean differs(Link link, Ipv4Setting setting, int wanted) {
        int value = link.settings().value(setting).orElse(wanted);
        // A loose filter lets everything pass that Ikat's routes lead to.
        return setting == Ipv4Setting.RP_FILTER ? value == RP_FILTER_STRICT : value != wanted;
    }

    private static boolean sameTunnel(Link link, OverlayState.Tunnel wanted) {
        // Not bound to the uplink: routing finds the way to each node, also where there is more than one interface.
        return link.vxlan()
                .filter(
                        new Vxlan(wanted.vni(), wanted.port(), Optional.of(wanted.local()), Optional.empty(), false)
                                ::equals)
                .isPresent();
    }

    private void addresses(int index, OverlayState state, List<Request> requests) {
        Set<IpAddress> missing = new HashSet<>(state.tunnelAddresses());
        for (Address address : netlink.addresses(index)) {
            InterfaceAddress present = address.address();
            boolean host = present.prefixLength() == present.address().family().bits();
            boolean wanted = host && missing.remove(present.address());
            if (!wanted && !present.address().isLinkLocal()) {
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

    private void forwarding(int index, OverlayState state, List<Request> requests) {
        Set<MacAddress> right = new HashSet<>();
        for (FdbEntry entry : netlink.fdb(index)) {
            IpAddress wanted = state.forwarding().get(entry.mac());
            if (wanted == null) {
                change(Requests.delete(entry), requests);
            } else if (entry.destination().filter(wanted::equals).isPresent()) {
                right.add(entry.mac());
            }
        }
        state.forwarding().forEach((mac, destination) -> {
            if (!right.contains(mac)) {
                peerAt(destination, state)
                        .ifPresent(node -> parts.put(
                                requests.size(), new Part(node, "InternalIP " + destination, Optional.empty())));
                change(Requests.replace(FdbEntry.permanent(index, mac, destination)), requests);
            }
        });
    }

    private static Optional<String> peerAt(IpAddress address, OverlayState state) {
        return state.peers().stream()
                .filter(peer -> peer.addresses().contains(address))
                .map(Peer::node)
                .findFirst();
    }

    private void neighbours(int index, OverlayState state, List<Request> requests) {
        Set<IpAddress> right = new HashSet<>();
        for (IpFamily family : IpFamily.values()) {
            for (Neighbour neighbour : netlink.neighbours(family, index)) {
                MacAddress wanted = state.neighbours().get(neighbour.address());
                if (wanted == null && neighbour.isPermanent()) {
                    change(Requests.delete(neighbour), requests);
                } else if (wanted != null
                        && neighbour.isPermanent()
                        && neighbour.mac().filter(wanted::equals).isPresent()) {
                    right.add(neighbour.address());
                }
            }
        }
        Map<IpAddress, String> nodes = new HashMap<>();
        for (IpFamily family : IpFamily.values()) {
            nodes(state, family).forEach((block, node) -> nodes.put(block.network(), node));
        }
        state.neighbours().forEach((address, mac) -> {
            if (!right.contains(address)) {
                String node = nodes.get(address);
                if (node != null) {
                    parts.put(requests.size(), new Part(node, "tunnel address " + address, Optional.empty()));
                }
                change(Requests.replace(Neighbour.permanent(index, address, mac)), requests);
            }
        });
    }

    /** What tells one route from another, of what the overlay sets. */
    private record Key(Cidr destination, RouteType type, Optional<IpAddress> gateway, Optional<Integer> link) {
        static Key of(Route route) {
            // The kernel shows an IPv6 route that ends here on the loopback interface.
            Optional<Integer> link = route.type() == RouteType.UNICAST ? route.interfaceIndex() : Optional.empty();
            return new Key(route.destination(), route.type(), route.gateway(), link);
        }
    }

    private void routes(IpFamily family, Optional<Integer> tunnel, OverlayState state, List<Request> requests) {
        Set<Key> present = new HashSet<>();
        Set<Cidr> replaceable = new HashSet<>();
        List<Route> own = new ArrayList<>();
        RouteFilter filter = RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(RouteProtocol.IKAT);
        for (Route route : netlink.routes(family, filter)) {
            if (route.type() != RouteType.UNICAST || route.gateway().isPresent()) {
                own.add(route);
                present.add(Key.of(route));
                if (route.type() == RouteType.UNICAST) {
                    replaceable.add(route.destination());
                }
            }
        }
        Map<Cidr, String> nodes = nodes(state, family);
        Set<Key> wanted = new HashSet<>();
        Set<Cidr> replaced = new HashSet<>();
        for (OverlayRoute overlayRoute : state.routes()) {
            boolean tunnelMissing = overlayRoute instanceof OverlayRoute.Tunnelled && tunnel.isEmpty();
            if (overlayRoute.destination().family() != family || tunnelMissing) {
                continue;
            }
            Route route = route(overlayRoute, tunnel);
            Key key = Key.of(route);
            wanted.add(key);
            if (present.contains(key)) {
                continue;
            }
            String node = nodes.get(route.destination());
            if (node != null) {
                parts.put(requests.size(), new Part(node, "pod CIDR " + route.destination(), Optional.of(route)));
            }
            // Replacing could hit somebody else's route of the same destination and metric; adding fails on one.
            if (route.type() == RouteType.UNICAST && replaceable.contains(route.destination())) {
                replaced.add(route.destination());
                change(Requests.replace(route), requests);
            } else {
                change(Requests.add(route), requests);
            }
        }
        for (Route route : own) {
            boolean overwritten = route.type() == RouteType.UNICAST && replaced.contains(route.destination());
            if (!wanted.contains(Key.of(route)) && !overwritten) {
                // Those of a tunnel that has just gone went with it.
                change(Requests.delete(route).ignoring(Errno.ESRCH, Errno.ENODEV), requests);
            }
        }
    }

    private static Route route(OverlayRoute route, Optional<Integer> tunnel) {
        return switch (route) {
            case OverlayRoute.Tunnelled(Cidr destination, IpAddress via) ->
                Route.to(destination).link(tunnel.orElseThrow()).viaOnlink(via);
            // On the link whatever the routing table says: "ip route flush" takes the subnet's own route away, too.
            case OverlayRoute.Direct(Cidr destination, IpAddress via, int uplink) ->
                Route.to(destination).link(uplink).viaOnlink(via);
            case OverlayRoute.Unreachable(Cidr destination) ->
                Route.to(destination)
                        .type(RouteType.UNREACHABLE)
                        .scope(Scope.UNIVERSE)
                        .metric(METRIC_LAST);
        };
    }
}
