package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Computes an {@link OverlayState} from the nodes. A pure function: no kernel, no clock, no memory. A node with
 * inconsistent data (no address, a block that another node has) is left out with a fault that says why; no other node
 * loses its routes.
 */
public final class OverlayPlanner {
    /** Outer Ethernet (14, inner), IPv4 (20), UDP (8) and VXLAN (8) headers; RFC 7348, section 4.1. */
    private static final int OVERHEAD_IPV4 = 50;
    /** The same with an outer IPv6 header (40). */
    private static final int OVERHEAD_IPV6 = 70;

    private final OverlaySettings settings;
    private final Node self;
    private final Uplink uplink;
    /** The family of this node's tunnels to all nodes that have an address of it. */
    private final IpFamily first;
    /** What the headers of these tunnels take of a packet, in bytes. */
    private final int overhead;
    /** The pods' MTU, and that of these tunnels. */
    private final int mtu;

    private final Map<MacAddress, IpAddress> forwarding = new HashMap<>();
    private final Map<IpAddress, MacAddress> neighbours = new HashMap<>();
    private final Set<OverlayRoute> routes = new HashSet<>();
    /** The families in which some node's pods are reached without a tunnel. */
    private final Set<IpFamily> directly = EnumSet.noneOf(IpFamily.class);

    private final List<NodeFault> faults = new ArrayList<>();
    private final Claims claims;

    private OverlayPlanner(OverlaySettings settings, Node self, Uplink uplink, Claims claims) {
        this.settings = settings;
        this.self = self;
        this.uplink = uplink;
        this.claims = claims;
        this.first = self.internalIps().getFirst().family();
        this.overhead = tunnels(settings.mode()) ? overhead(first) : 0;
        this.mtu = settings.mtu() > 0 ? settings.mtu() : uplink.mtu() - overhead;
        faults.addAll(claims.faults());
    }

    /**
     * The desired state of this node's kernel.
     *
     * @param self this node, with at least one address
     * @param nodes the cluster's nodes; this one may be among them
     * @param apiServers the addresses of the cluster's API, as far as they are known
     * @param inForce who has which block and address now
     */
    public static OverlayState plan(
            OverlaySettings settings,
            Node self,
            Collection<Node> nodes,
            Uplink uplink,
            Set<IpAddress> apiServers,
            InForce inForce) {
        List<Node> others = nodes.stream()
                .filter(node -> !node.name().equals(self.name()))
                .sorted(Comparator.comparing(Node::name))
                .toList();
        List<Node> all = Stream.concat(Stream.of(self), others.stream()).toList();
        Claims claims = Claims.decide(all, uplink, apiServers, inForce, settings.mode());
        return new OverlayPlanner(settings, self, uplink, claims).plan(others);
    }

    static boolean tunnels(OverlayMode mode) {
        return mode == OverlayMode.VXLAN || mode == OverlayMode.AUTO || mode == OverlayMode.BGP;
    }

    private static int overhead(IpFamily underlay) {
        return switch (underlay) {
            case IPV4 -> OVERHEAD_IPV4;
            case IPV6 -> OVERHEAD_IPV6;
        };
    }

    private OverlayState plan(List<Node> others) {
        List<Cidr> accepted = self.podCidrs().stream()
                .filter(own -> claims.isAccepted(self, own))
                .toList();
        accepted.forEach(own -> routes.add(new OverlayRoute.Unreachable(own)));
        List<Peer> peers = others.stream().map(this::peer).toList();
        accepted.stream()
                .filter(this::isReachedDirectly)
                .forEach(own -> routes.add(new OverlayRoute.Answering(Cidr.host(own.network()))));
        checkMtu();
        // Where all are on one link there is nothing to tunnel; the MTU is the tunnel's all the same, so that the first
        // node elsewhere finds pods that its packets fit.
        List<OverlayState.Tunnel> tunnels = new ArrayList<>();
        if (settings.mode() == OverlayMode.VXLAN || sendsOver(first)) {
            tunnels.add(tunnel(LinkNames.OVERLAY, self.internalIps().getFirst()));
        }
        self.internalIps().stream()
                .filter(address -> address.family() != first && sendsOver(address.family()))
                .findFirst()
                .ifPresent(address -> tunnels.add(tunnel(LinkNames.OTHER_OVERLAY, address)));
        Set<IpAddress> tunnelAddresses = new HashSet<>();
        if (!tunnels.isEmpty()) {
            accepted.stream()
                    .filter(cidr -> fits(cidr.family(), mtu))
                    .forEach(cidr -> tunnelAddresses.add(cidr.network()));
        }
        Set<Cidr> ownBlocks =
                self.podCidrs().stream().filter(own -> !claims.isInUse(own)).collect(Collectors.toUnmodifiableSet());
        return new OverlayState(
                tunnels,
                tunnelAddresses,
                forwarding,
                neighbours,
                routes,
                mtu,
                podFamilies(),
                self.name(),
                ownBlocks,
                peers,
                faults,
                claims.inForce());
    }

    /** Both ends have the same kind of path. In a block of one or two addresses a pod may have the first one. */
    private boolean isReachedDirectly(Cidr own) {
        return own.prefixLength() < own.family().bits() - 1 && directly.contains(own.family());
    }

    private boolean sendsOver(IpFamily underlay) {
        return forwarding.values().stream().anyMatch(node -> node.family() == underlay);
    }

    private OverlayState.Tunnel tunnel(String name, IpAddress local) {
        return new OverlayState.Tunnel(
                new InterfaceName(name),
                settings.vni(),
                settings.port(),
                local,
                TunnelAddress.of(local),
                tunnelMtu(local.family()),
                settings.checksumOffload());
    }

    /**
     * Pods keep the MTU of the first family: whoever is reached over the other one has no address of the first, or
     * prefers the other one, too, and its pods' MTU, which ends of a TCP connection agree on, fits. Of a larger packet
     * its own node tells the pod.
     */
    private int tunnelMtu(IpFamily underlay) {
        return underlay == first ? mtu : Math.min(mtu, uplink.mtu() - overhead(underlay));
    }

    /** A link with a smaller MTU has no IPv6 at all: the kernel takes its addresses and routes away. */
    private static boolean fits(IpFamily family, int mtu) {
        return family == IpFamily.IPV4 || mtu >= OverlayState.MIN_MTU_IPV6;
    }

    private Set<IpFamily> podFamilies() {
        return Stream.of(IpFamily.values()).filter(family -> fits(family, mtu)).collect(Collectors.toUnmodifiableSet());
    }

    private void checkMtu() {
        if (mtu > uplink.mtu() - overhead) {
            mtuFault("the pods' MTU " + mtu + " is larger than the uplink " + uplink.name() + " (MTU " + uplink.mtu()
                    + ") can carry; set --mtu to at most " + (uplink.mtu() - overhead) + ", or to 0");
        }
        if (!fits(IpFamily.IPV6, mtu) && self.podCidrs().stream().anyMatch(block -> block.family() == IpFamily.IPV6)) {
            int needed = OverlayState.MIN_MTU_IPV6 + overhead;
            mtuFault("new pods of node " + self.name() + " get no IPv6 address: their MTU " + mtu
                    + " is below IPv6's minimum of " + OverlayState.MIN_MTU_IPV6 + "; "
                    + (uplink.mtu() >= needed
                            ? "set --mtu to at least " + OverlayState.MIN_MTU_IPV6 + ", or to 0"
                            : "raise the MTU of the uplink " + uplink.name() + " from " + uplink.mtu()
                                    + " to at least " + needed + " ('ip link set " + uplink.name() + " mtu " + needed
                                    + "')"));
        }
    }

    private void mtuFault(String text) {
        faults.add(new NodeFault(self.name(), Cause.MTU, text));
    }

    private Peer peer(Node node) {
        List<IpAddress> addresses = node.internalIps().stream()
                .filter(address -> claims.isAccepted(node, address))
                .toList();
        // A way to what is this node's address as well would end here; the claims say whose fault that is.
        List<IpAddress> elsewhere = addresses.stream()
                .filter(address -> !self.internalIps().contains(address))
                .toList();
        Set<Cidr> blocks = new LinkedHashSet<>();
        Set<OverlayRoute> ways = new HashSet<>();
        for (Cidr cidr : node.podCidrs()) {
            if (claims.isAccepted(node, cidr)) {
                blocks.add(cidr);
                way(node, elsewhere, cidr).ifPresent(ways::add);
            }
        }
        directly.addAll(ways.stream()
                .filter(OverlayRoute.Direct.class::isInstance)
                .map(way -> way.destination().family())
                .toList());
        // Where BGP tells of it, that is how the node's packets come, but the route is BGP's to make.
        routes.addAll(settings.mode() == OverlayMode.BGP ? tunnelled(ways) : ways);
        return new Peer(node.name(), addresses, blocks, ways);
    }

    private static Set<OverlayRoute> tunnelled(Set<OverlayRoute> ways) {
        return ways.stream().filter(OverlayRoute.Tunnelled.class::isInstance).collect(Collectors.toSet());
    }

    private static Optional<IpAddress> ofFamily(List<IpAddress> addresses, IpFamily family) {
        return addresses.stream().filter(address -> address.family() == family).findFirst();
    }

    private Optional<OverlayRoute> way(Node peer, List<IpAddress> addresses, Cidr cidr) {
        Optional<IpAddress> sameFamily = ofFamily(addresses, cidr.family());
        return switch (settings.mode()) {
            case NONE -> Optional.empty();
            case DIRECT -> direct(peer, cidr, sameFamily);
            case VXLAN -> tunnelled(peer, cidr, addresses);
            case AUTO, BGP -> {
                // Both ends have to come to the same answer, so this node needs an address of the family as well.
                boolean direct = self.internalIp(cidr.family()).isPresent()
                        && sameFamily.isPresent()
                        && uplink.reachesDirectly(sameFamily.get());
                yield direct ? direct(peer, cidr, sameFamily) : tunnelled(peer, cidr, addresses);
            }
        };
    }

    private Optional<OverlayRoute> direct(Node peer, Cidr cidr, Optional<IpAddress> address) {
        if (!fits(cidr.family(), uplink.mtu())) {
            return Optional.empty();
        }
        if (address.isEmpty()) {
            // That it has one which is not believed is said already.
            if (peer.internalIp(cidr.family()).isEmpty()) {
                unreachable(
                        peer,
                        "node " + peer.name() + " has no " + cidr.family() + " InternalIP that its pods in " + cidr
                                + " could be reached through directly");
            }
            return Optional.empty();
        }
        if (!uplink.neighbours()) {
            unreachable(
                    peer,
                    "node " + peer.name() + " at " + address.get() + " is reached through " + uplink.name()
                            + ", which is point-to-point or has no link-layer addresses (as WireGuard's), so that it"
                            + " passes no packets of pods; set --overlay to auto or vxlan on all nodes");
            return Optional.empty();
        }
        if (!uplink.reachesDirectly(address.get())) {
            unreachable(
                    peer,
                    "node " + peer.name() + " at " + address.get() + " is not on the link of " + uplink.name()
                            + ", so --overlay direct can't reach its pods; use auto or vxlan");
            return Optional.empty();
        }
        return Optional.of(new OverlayRoute.Direct(cidr, address.get(), uplink.index()));
    }

    private Optional<OverlayRoute> tunnelled(Node peer, Cidr cidr, List<IpAddress> addresses) {
        if (!fits(cidr.family(), mtu)) {
            return Optional.empty();
        }
        Optional<IpFamily> common = underlay(peer);
        if (common.isEmpty()) {
            unreachable(
                    peer,
                    "node " + peer.name() + " has no "
                            + (peer.internalIps().isEmpty()
                                    ? "InternalIP, by which its pods could be reached; give it one (kubelet --node-ip)"
                                    : first.title() + " InternalIP and node " + self.name()
                                            + " no other, so that there can be no tunnel between them; give one of them"
                                            + " an address of the other's family (kubelet --node-ip)"));
            return Optional.empty();
        }
        IpFamily underlay = common.get();
        Optional<IpAddress> address = ofFamily(addresses, underlay);
        if (address.isEmpty()) {
            // That it has one which is not believed is said already.
            return Optional.empty();
        }
        if (!fits(cidr.family(), tunnelMtu(underlay))) {
            int needed = OverlayState.MIN_MTU_IPV6 + overhead(underlay);
            mtuFault("pods of node " + peer.name() + " in " + cidr + " can't be reached: the tunnel over "
                    + underlay.title()
                    + " to it leaves an MTU of " + tunnelMtu(underlay) + ", which is below IPv6's minimum of "
                    + OverlayState.MIN_MTU_IPV6 + "; raise the MTU of the uplink " + uplink.name() + " from "
                    + uplink.mtu() + " to at least " + needed + " ('ip link set " + uplink.name() + " mtu " + needed
                    + "'), or give both nodes addresses of one family");
            return Optional.empty();
        }
        MacAddress mac = TunnelAddress.of(address.get());
        IpAddress local = self.internalIp(underlay).orElseThrow();
        IpAddress other = mac.equals(TunnelAddress.of(local)) ? local : forwarding.putIfAbsent(mac, address.get());
        if (other != null && !other.equals(address.get())) {
            unreachable(
                    peer,
                    "nodes at " + other + " and " + address.get() + " have the same link-layer address " + mac
                            + "; change one node's address");
            return Optional.empty();
        }
        neighbours.put(cidr.network(), mac);
        return Optional.of(new OverlayRoute.Tunnelled(cidr, cidr.network(), underlay));
    }

    /**
     * The family of the tunnel to another node, for which both come to the same answer: the one that both have first,
     * or the only one that both have; where both have both in different orders, IPv4, whose headers are smaller.
     */
    private Optional<IpFamily> underlay(Node peer) {
        List<IpFamily> both = Stream.of(IpFamily.values())
                .filter(family -> self.internalIp(family).isPresent()
                        && peer.internalIp(family).isPresent())
                .toList();
        return both.contains(first) && peer.internalIps().getFirst().family() == first
                ? Optional.of(first)
                : both.stream().findFirst();
    }

    private void unreachable(Node peer, String text) {
        NodeFault fault = new NodeFault(peer.name(), Cause.UNREACHABLE, text);
        if (!faults.contains(fault)) {
            faults.add(fault);
        }
    }
}
