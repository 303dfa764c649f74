package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.FdbEntry;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import dev.ikat.netlink.route.Scope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the kernel's overlay equal to an {@link OverlayState}: reads back the tunnel link, its addresses, its
 * forwarding and neighbour entries and Ikat's routes, and changes only what differs.
 *
 * <p>It owns the links {@link LinkNames#OVERLAY} and {@link LinkNames#OTHER_OVERLAY} with everything on them, and those
 * routes with Ikat's protocol number that have a gateway or end at this node. It does not touch the pods' own routes (a
 * link, no gateway). It never replaces another program's route, and reports one that is in the way. The calling thread
 * is in the node's network namespace. Not thread-safe.
 */
public final class OverlayReconciler {
    /**
     * Any other route to the same block wins over "unreachable": nobody else's way to these addresses, as during a
     * migration, is cut off by it.
     */
    private static final int METRIC_LAST = 0x7fff_ffff;

    /** The index of the loopback link in every network namespace, {@code net/flow.h}. */
    private static final int LOOPBACK = 1;

    private static final String LOOPBACK_WITHOUT_IPV6 = "net/ipv6/conf/lo/disable_ipv6";

    private final Netlink netlink;
    private final ForeignRoutes foreign;
    private final TunnelLinks tunnelLinks;
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
        this.tunnelLinks = new TunnelLinks(netlink, repairs);
    }

    /**
     * The result of a reconciliation.
     *
     * @param changes what was changed, one line for each; empty if there was no drift
     * @param faults which nodes' pods can't be reached, although the plan has a path to them
     * @param untunnelled why there is no tunnel to most nodes, although the plan has one; it is among the faults
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
        List<Request> requests = new ArrayList<>();
        List<NodeFault> faults = new ArrayList<>();
        TunnelLinks.Made tunnels = tunnelLinks.make(state, requests);
        tunnels.refused().values().forEach(reason -> faults.add(new NodeFault(state.self(), Cause.TUNNEL, reason)));
        tunnels.indexes().forEach((underlay, index) -> {
            forwarding(underlay, index, state, requests);
            neighbours(underlay, index, state, requests);
        });
        Map<Cidr, NodeFault> outranked = new HashMap<>();
        for (IpFamily family : IpFamily.values()) {
            routes(family, tunnels.indexes(), state, requests);
            outranked.putAll(outranked(family, state));
            Map<Cidr, String> nodes = nodes(state, family);
            if (!nodes.isEmpty()) {
                faults.addAll(foreign.intoParts(family, nodes));
            }
        }
        requests.addAll(tunnels.unwanted());
        faults.addAll(outranked.values());
        faults.addAll(execute(requests, outranked.keySet()));
        return new Outcome(repairs, faults, tunnels.untunnelled(state));
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

    private void forwarding(IpFamily underlay, int index, OverlayState state, List<Request> requests) {
        Map<MacAddress, IpAddress> forwarding = state.forwarding(underlay);
        Set<MacAddress> right = new HashSet<>();
        for (FdbEntry entry : netlink.fdb(index)) {
            IpAddress wanted = forwarding.get(entry.mac());
            if (wanted == null) {
                change(Requests.delete(entry), requests);
            } else if (entry.destination().filter(wanted::equals).isPresent()) {
                right.add(entry.mac());
            }
        }
        forwarding.forEach((mac, destination) -> {
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

    private void neighbours(IpFamily underlay, int index, OverlayState state, List<Request> requests) {
        Map<IpAddress, MacAddress> neighbours = state.neighbours(underlay);
        Set<IpAddress> right = new HashSet<>();
        for (IpFamily family : IpFamily.values()) {
            for (Neighbour neighbour : netlink.neighbours(family, index)) {
                MacAddress wanted = neighbours.get(neighbour.address());
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
        neighbours.forEach((address, mac) -> {
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

    private void routes(IpFamily family, Map<IpFamily, Integer> tunnels, OverlayState state, List<Request> requests) {
        Set<Key> present = new HashSet<>();
        Set<Cidr> replaceable = new HashSet<>();
        List<Route> own = new ArrayList<>();
        RouteFilter filter = RouteFilter.ALL.protocol(RouteProtocol.IKAT);
        List<Route> ours = new ArrayList<>(netlink.routes(family, filter.table(Route.TABLE_MAIN)));
        ours.addAll(netlink.routes(family, filter.table(Route.TABLE_LOCAL)));
        for (Route route : ours) {
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
            boolean tunnelMissing = overlayRoute instanceof OverlayRoute.Tunnelled tunnelled
                    && !tunnels.containsKey(tunnelled.underlay());
            if (overlayRoute.destination().family() != family
                    || tunnelMissing
                    || (overlayRoute instanceof OverlayRoute.Answering && !canAnswer(family))) {
                continue;
            }
            Route route = route(overlayRoute, tunnels);
            Key key = Key.of(route);
            wanted.add(key);
            if (present.contains(key)) {
                continue;
            }
            // IPv6 looks for a route's gateway by the route that is there, and refuses one that is on another link.
            own.stream()
                    .filter(old -> family == IpFamily.IPV6 && movesToAnotherLink(old, route))
                    .forEach(old -> {
                        change(Requests.delete(old).ignoring(Errno.ESRCH), requests);
                        replaceable.remove(old.destination());
                        replaced.add(old.destination());
                    });
            String node = nodes.get(route.destination());
            if (node != null) {
                parts.put(requests.size(), new Part(node, "pod CIDR " + route.destination(), Optional.of(route)));
            } else if (overlayRoute instanceof OverlayRoute.Answering) {
                // No pod needs it.
                parts.put(
                        requests.size(), new Part(state.self(), "address " + route.destination(), Optional.of(route)));
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

    /** A loopback link without IPv6, as where somebody has turned it off for all links, refuses such a route. */
    private static boolean canAnswer(IpFamily family) {
        return family == IpFamily.IPV4
                || (Sysctl.hasIpv6(Sysctl.PARAMETERS)
                        && Sysctl.read(LOOPBACK_WITHOUT_IPV6).equals("0"));
    }

    private static boolean movesToAnotherLink(Route old, Route now) {
        return old.destination().equals(now.destination())
                && old.gateway().isPresent()
                && old.gateway().equals(now.gateway())
                && !old.interfaceIndex().equals(now.interfaceIndex());
    }

    private static Route route(OverlayRoute route, Map<IpFamily, Integer> tunnels) {
        return switch (route) {
            case OverlayRoute.Tunnelled(Cidr destination, IpAddress via, IpFamily underlay) ->
                Route.to(destination)
                        .link(Objects.requireNonNull(tunnels.get(underlay)))
                        .viaOnlink(via);
            // On the link whatever the routing table says: "ip route flush" takes the subnet's own route away, too.
            case OverlayRoute.Direct(Cidr destination, IpAddress via, int uplink) ->
                Route.to(destination).link(uplink).viaOnlink(via);
            case OverlayRoute.Unreachable(Cidr destination) ->
                Route.to(destination)
                        .type(RouteType.UNREACHABLE)
                        .scope(Scope.UNIVERSE)
                        .metric(METRIC_LAST);
            // No address on a link: nothing is to be sent from it but answers. A tunnel link may have the same one.
            case OverlayRoute.Answering(Cidr destination) ->
                Route.to(destination)
                        .type(RouteType.LOCAL)
                        .table(Route.TABLE_LOCAL)
                        .scope(destination.family() == IpFamily.IPV4 ? Scope.HOST : Scope.UNIVERSE)
                        .link(LOOPBACK)
                        .metric(METRIC_LAST);
        };
    }
}
