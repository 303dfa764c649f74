package dev.ikat.agent.overlay;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
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
    /** IPv6 needs links that take this much (RFC 8200, section 5). */
    private static final int MIN_MTU_IPV6 = 1280;

    private final OverlaySettings settings;
    private final Node self;
    private final Uplink uplink;
    /** What the headers of the mode's tunnels take of a packet, in bytes. */
    private final int overhead;
    /** The pods' MTU, and the tunnel's. */
    private final int mtu;

    private final Map<MacAddress, IpAddress> forwarding = new HashMap<>();
    private final Map<IpAddress, MacAddress> neighbours = new HashMap<>();
    private final Set<OverlayRoute> routes = new HashSet<>();
    private final List<NodeFault> faults = new ArrayList<>();
    private final Claims claims;

    private OverlayPlanner(OverlaySettings settings, Node self, Uplink uplink, Claims claims) {
        this.settings = settings;
        this.self = self;
        this.uplink = uplink;
        this.claims = claims;
        this.overhead = tunnels(settings.mode())
                ? switch (self.internalIps().getFirst().family()) {
                    case IPV4 -> OVERHEAD_IPV4;
                    case IPV6 -> OVERHEAD_IPV6;
                }
                : 0;
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

    private static boolean tunnels(OverlayMode mode) {
        return mode == OverlayMode.VXLAN || mode == OverlayMode.AUTO;
    }

    private OverlayState plan(List<Node> others) {
        IpAddress local = self.internalIps().getFirst();
        List<Cidr> accepted = self.podCidrs().stream()
                .filter(own -> claims.isAccepted(self, own))
                .toList();
        accepted.forEach(own -> routes.add(new OverlayRoute.Unreachable(own)));
        List<Peer> peers =
                others.stream().map(node -> peer(node, local.family())).toList();
        checkMtu();
        // Where all are on one link there is nothing to tunnel; the MTU is the tunnel's all the same, so that the first
        // node elsewhere finds pods that its packets fit.
        boolean needed = settings.mode() == OverlayMode.VXLAN || !forwarding.isEmpty();
        Optional<OverlayState.Tunnel> tunnel = tunnels(settings.mode()) && needed
                ? Optional.of(new OverlayState.Tunnel(
                        settings.vni(),
                        settings.port(),
                        local,
                        TunnelAddress.of(local),
                        mtu,
                        settings.checksumOffload()))
                : Optional.empty();
        Set<IpAddress> tunnelAddresses = new HashSet<>();
        if (tunnel.isPresent()) {
            accepted.stream()
                    .filter(cidr -> fits(cidr.family(), mtu))
                    .forEach(cidr -> tunnelAddresses.add(cidr.network()));
        }
        Set<Cidr> ownBlocks =
                self.podCidrs().stream().filter(own -> !claims.isInUse(own)).collect(Collectors.toUnmodifiableSet());
        return new OverlayState(
                tunnel,
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

    /** A link with a smaller MTU has no IPv6 at all: the kernel takes its addresses and routes away. */
    private static boolean fits(IpFamily family, int mtu) {
        return family == IpFamily.IPV4 || mtu >= MIN_MTU_IPV6;
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
            int needed = MIN_MTU_IPV6 + overhead;
            mtuFault("new pods of node " + self.name() + " get no IPv6 address: their MTU " + mtu
                    + " is below IPv6's minimum of " + MIN_MTU_IPV6 + "; "
                    + (uplink.mtu() >= needed
                            ? "set --mtu to at least " + MIN_MTU_IPV6 + ", or to 0"
                            : "raise the MTU of the uplink " + uplink.name() + " from " + uplink.mtu()
                                    + " to at least " + needed + " ('ip link set " + uplink.name() + " mtu " + needed
                                    + "')"));
        }
    }

    private void mtuFault(String text) {
        faults.add(new NodeFault(self.name(), Cause.MTU, text));
    }

    private Peer peer(Node node, IpFamily underlay) {
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
                way(node, elsewhere, cidr, underlay).ifPresent(ways::add);
            }
        }
        routes.addAll(ways);
        return new Peer(node.name(), addresses, blocks, ways);
    }

    private static Optional<IpAddress> ofFamily(List<IpAddress> addresses, IpFamily family) {
        return addresses.stream().filter(address -> address.family() == family).findFirst();
    }

    private Optional<OverlayRoute> way(Node peer, List<IpAddress> addresses, Cidr cidr, IpFamily underlay) {
        Optional<IpAddress> sameFamily = ofFamily(addresses, cidr.family());
        return switch (settings.mode()) {
            case NONE -> Optional.empty();
            case DIRECT -> direct(peer, cidr, sameFamily);
            case VXLAN -> tunnelled(peer, cidr, ofFamily(addresses, underlay), underlay);
            case AUTO -> {
                // Both ends have to come to the same answer, so this node needs an address of the family as well.
                boolean direct = self.internalIp(cidr.family()).isPresent()
                        && sameFamily.isPresent()
                        && uplink.reachesDirectly(sameFamily.get());
                yield direct
                        ? direct(peer, cidr, sameFamily)
                        : tunnelled(peer, cidr, ofFamily(addresses, underlay), underlay);
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

    private Optional<OverlayRoute> tunnelled(Node peer, Cidr cidr, Optional<IpAddress> address, IpFamily underlay) {
        if (!fits(cidr.family(), mtu)) {
            return Optional.empty();
        }
        if (address.isEmpty()) {
            if (peer.internalIp(underlay).isEmpty()) {
                unreachable(
                        peer,
                        "node " + peer.name() + " has no " + underlay
                                + " InternalIP, which tunnels from this node need, because its first InternalIP is "
                                + self.internalIps().getFirst() + "; " + remedy(peer, underlay));
            }
            return Optional.empty();
        }
        MacAddress mac = TunnelAddress.of(address.get());
        IpAddress local = self.internalIps().getFirst();
        IpAddress other = mac.equals(TunnelAddress.of(local)) ? local : forwarding.putIfAbsent(mac, address.get());
        if (other != null && !other.equals(address.get())) {
            unreachable(
                    peer,
                    "nodes at " + other + " and " + address.get() + " have the same link-layer address " + mac
                            + "; change one node's address");
            return Optional.empty();
        }
        neighbours.put(cidr.network(), mac);
        return Optional.of(new OverlayRoute.Tunnelled(cidr, cidr.network()));
    }

    /** Tunnels of one node are all over the family of its first InternalIP. */
    private String remedy(Node peer, IpFamily underlay) {
        Optional<IpAddress> common = self.internalIps().stream()
                .filter(address -> address.family() != underlay
                        && peer.internalIp(address.family()).isPresent())
                .findFirst();
        return common.map(address -> "both nodes have " + address.family() + ", so put " + address
                        + " first in the InternalIPs of every node (kubelet --node-ip)")
                .orElseGet(() -> "give node " + peer.name() + " an " + underlay + " address");
    }

    private void unreachable(Node peer, String text) {
        NodeFault fault = new NodeFault(peer.name(), Cause.UNREACHABLE, text);
        if (!faults.contains(fault)) {
            faults.add(fault);
        }
    }
}
