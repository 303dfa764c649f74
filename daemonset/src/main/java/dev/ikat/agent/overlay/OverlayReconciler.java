package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.AddrGenMode;
import dev.ikat.netlink.Address;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.Ethtool;
import dev.ikat.netlink.FdbEntry;
import dev.ikat.netlink.Link;
import dev.ikat.netlink.LinkChange;
import dev.ikat.netlink.Neighbour;
import dev.ikat.netlink.Request;
import dev.ikat.netlink.Route;
import dev.ikat.netlink.RouteFilter;
import dev.ikat.netlink.RouteProtocol;
import dev.ikat.netlink.RouteType;
import dev.ikat.netlink.Rtnetlink;
import dev.ikat.netlink.Scope;
import dev.ikat.netlink.Sysctl;
import dev.ikat.netlink.Vxlan;
import dev.ikat.netlink.VxlanSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes the kernel's overlay equal to an {@link OverlayState}: reads back the device, its addresses, its forwarding and
 * neighbour entries and Ikat's routes, and writes only what differs.
 *
 * <p>It owns the device {@value #DEVICE} with all that is on it, and of the routes with Ikat's protocol number those
 * with a gateway and those that end here. The pods' own routes (a link, no gateway) are not its business. A route of
 * somebody else is never replaced; that one stands in the way is reported. The calling thread is in the node's network
 * namespace. Not thread-safe.
 */
public final class OverlayReconciler {
    /** The tunnel device's name. */
    public static final String DEVICE = "ikat-vxlan";

    private static final InterfaceName DEVICE_NAME = new InterfaceName(DEVICE);
    /**
     * Any other route to the same block wins over "unreachable": nobody else's way to these addresses, as during a
     * migration, is cut off by it.
     */
    private static final int METRIC_LAST = 0x7fff_ffff;

    private final Rtnetlink netlink;
    private final List<String> repairs = new ArrayList<>();

    public OverlayReconciler(Rtnetlink netlink) {
        this.netlink = netlink;
    }

    /**
     * Reads back, compares and repairs.
     *
     * @return what was changed, a line each; empty where everything was as it should be
     * @throws dev.ikat.netlink.NetlinkException if the kernel refused a change; the others were made
     * @throws ForeignDeviceException if the device's name is somebody else's
     */
    public List<String> reconcile(OverlayState state) {
        repairs.clear();
        Optional<Link> device = netlink.link(DEVICE_NAME);
        if (device.isPresent() && !device.get().isKind("vxlan")) {
            throw new ForeignDeviceException(device.get());
        }
        List<Request> requests = new ArrayList<>();
        Optional<Integer> index = state.tunnel().map(tunnel -> device(tunnel, device, state));
        if (index.isPresent()) {
            addresses(index.get(), state, requests);
            forwarding(index.get(), state, requests);
            neighbours(index.get(), state, requests);
        } else if (device.isPresent()) {
            change(Request.deleteLink(device.get().index()), requests);
        }
        for (IpFamily family : IpFamily.values()) {
            routes(family, index, state, requests);
        }
        if (!requests.isEmpty()) {
            netlink.execute(requests);
        }
        return List.copyOf(repairs);
    }

    /** Removes everything that {@link #reconcile} makes. */
    public void remove() {
        reconcile(new OverlayState(Optional.empty(), Set.of(), Map.of(), Map.of(), Set.of(), 0, List.of()));
    }

    private void change(Request request, List<Request> requests) {
        repairs.add(request.toString());
        requests.add(request);
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
            present.ifPresent(link -> change(Request.deleteLink(link.index()), requests));
            change(Request.create(spec), requests);
            netlink.execute(requests);
        }
        Link link = usable.orElseGet(() -> netlink.link(DEVICE_NAME).orElseThrow());
        if (Ethtool.txChecksumOffload(DEVICE_NAME) != wanted.checksumOffload()) {
            repairs.add("tx checksum offload of " + DEVICE + (wanted.checksumOffload() ? " on" : " off"));
            Ethtool.setTxChecksumOffload(DEVICE_NAME, wanted.checksumOffload());
        }
        boolean ipv6 = state.tunnelAddresses().stream().anyMatch(a -> a.family() == IpFamily.IPV6);
        String disableIpv6 = "net/ipv6/conf/" + DEVICE + "/disable_ipv6";
        if (ipv6 && Sysctl.read(disableIpv6).equals("1")) {
            repairs.add(disableIpv6 + " 0");
            Sysctl.write(disableIpv6, "0");
        }
        List<Request> requests = new ArrayList<>();
        if (link.addrGenMode().filter(mode -> mode != AddrGenMode.NONE).isPresent()) {
            change(Request.change(LinkChange.of(link.index()).inet6AddrGenMode(AddrGenMode.NONE)), requests);
        }
        if (link.mtu() != wanted.mtu()) {
            change(Request.change(LinkChange.of(link.index()).mtu(wanted.mtu())), requests);
        }
        if (link.mac().filter(wanted.mac()::equals).isEmpty()) {
            change(Request.change(LinkChange.of(link.index()).mac(wanted.mac())), requests);
        }
        if (!link.isUp()) {
            change(Request.change(LinkChange.of(link.index()).up()), requests);
        }
        if (!requests.isEmpty()) {
            netlink.execute(requests);
        }
        return link.index();
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
                change(Request.delete(address), requests);
            }
        }
        for (IpAddress address : missing) {
            int flags = address.family() == IpFamily.IPV6 ? Address.NODAD : 0;
            change(Request.add(Address.of(index, InterfaceAddress.host(address)).flags(flags)), requests);
        }
    }

    private void forwarding(int index, OverlayState state, List<Request> requests) {
        Set<MacAddress> right = new HashSet<>();
        for (FdbEntry entry : netlink.fdb(index)) {
            IpAddress wanted = state.forwarding().get(entry.mac());
            if (wanted == null) {
                change(Request.delete(entry), requests);
            } else if (entry.destination().filter(wanted::equals).isPresent()) {
                right.add(entry.mac());
            }
        }
        state.forwarding().forEach((mac, destination) -> {
            if (!right.contains(mac)) {
                change(Request.replace(FdbEntry.permanent(index, mac, destination)), requests);
            }
        });
    }

    private void neighbours(int index, OverlayState state, List<Request> requests) {
        Set<IpAddress> right = new HashSet<>();
        for (IpFamily family : IpFamily.values()) {
            for (Neighbour neighbour : netlink.neighbours(family, index)) {
                MacAddress wanted = state.neighbours().get(neighbour.address());
                if (wanted == null && neighbour.isPermanent()) {
                    change(Request.delete(neighbour), requests);
                } else if (wanted != null
                        && neighbour.isPermanent()
                        && neighbour.mac().filter(wanted::equals).isPresent()) {
                    right.add(neighbour.address());
                }
            }
        }
        state.neighbours().forEach((address, mac) -> {
            if (!right.contains(address)) {
                change(Request.replace(Neighbour.permanent(index, address, mac)), requests);
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
        Set<Key> wanted = new HashSet<>();
        Set<Cidr> replaced = new HashSet<>();
        for (OverlayRoute overlayRoute : state.routes()) {
            if (overlayRoute.destination().family() != family) {
                continue;
            }
            Route route = route(overlayRoute, tunnel);
            Key key = Key.of(route);
            wanted.add(key);
            if (present.contains(key)) {
                continue;
            }
            // Replacing could hit somebody else's route of the same destination and metric; adding fails on one.
            if (route.type() == RouteType.UNICAST && replaceable.contains(route.destination())) {
                replaced.add(route.destination());
                change(Request.replace(route), requests);
            } else {
                change(Request.add(route), requests);
            }
        }
        for (Route route : own) {
            boolean overwritten = route.type() == RouteType.UNICAST && replaced.contains(route.destination());
            if (!wanted.contains(Key.of(route)) && !overwritten) {
                // Those of a tunnel that has just gone went with it.
                change(Request.delete(route).ignoring(Errno.ESRCH, Errno.ENODEV), requests);
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
