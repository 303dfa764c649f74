package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.policy.Node;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Computes an {@link OverlayState} from the nodes. A pure function: no kernel, no clock, nothing remembered. A node
 * whose data make no sense (no address, a block that another node has) is left out with a fault that says why, and
 * costs no other node its routes.
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

    private final Map<MacAddress, IpAddress> forwarding = new HashMap<>();
    private final Map<IpAddress, MacAddress> neighbours = new HashMap<>();
    private final Set<OverlayRoute> routes = new HashSet<>();
    private final List<String> faults = new ArrayList<>();
    private final Map<Cidr, String> taken = new LinkedHashMap<>();

    private OverlayPlanner(OverlaySettings settings, Node self, Uplink uplink) {
        this.settings = settings;
        this.self = self;
        this.uplink = uplink;
    }

    /**
     * What this node's kernel should have.
     *
     * @param self this node, with at least one address
     * @param nodes the cluster's nodes; this one among them is passed over
     */
    public static OverlayState plan(OverlaySettings settings, Node self, Collection<Node> nodes, Uplink uplink) {
        return new OverlayPlanner(settings, self, uplink).plan(nodes);
    }

    private OverlayState plan(Collection<Node> nodes) {
        boolean tunnelled = settings.mode() == OverlayMode.VXLAN || settings.mode() == OverlayMode.AUTO;
        IpAddress local = self.internalIps().getFirst();
        for (Cidr own : self.podCidrs()) {
            taken.put(own, self.name());
            routes.add(new OverlayRoute.Unreachable(own));
        }
        if (settings.mode() != OverlayMode.NONE) {
            // In order, so that of two nodes with one block every node leaves out the same one.
            nodes.stream()
                    .filter(node -> !node.name().equals(self.name()))
                    .sorted(Comparator.comparing(Node::name))
                    .forEach(node -> addPeer(node, local.family()));
        }
        int overhead = tunnelled
                ? switch (local.family()) {
                    case IPV4 -> OVERHEAD_IPV4;
                    case IPV6 -> OVERHEAD_IPV6;
                }
                : 0;
        int mtu = settings.mtu() > 0 ? settings.mtu() : uplink.mtu() - overhead;
        checkMtu(mtu, overhead);
        // Where all are on one link there is nothing to tunnel; the MTU is the tunnel's all the same, so that the first
        // node elsewhere finds pods that its packets fit.
        boolean needed = settings.mode() == OverlayMode.VXLAN || !forwarding.isEmpty();
        Optional<OverlayState.Tunnel> tunnel = tunnelled && needed
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
            self.podCidrs().forEach(cidr -> tunnelAddresses.add(cidr.network()));
        }
        return new OverlayState(tunnel, tunnelAddresses, forwarding, neighbours, routes, mtu, faults);
    }

    private void checkMtu(int mtu, int overhead) {
        if (mtu > uplink.mtu() - overhead) {
            faults.add("the pods' MTU " + mtu + " is more than the uplink " + uplink.name() + " (MTU " + uplink.mtu()
                    + ") carries; set --mtu to at most " + (uplink.mtu() - overhead) + ", or to 0");
        }
        if (mtu < MIN_MTU_IPV6 && self.podCidrs().stream().anyMatch(c -> c.family() == IpFamily.IPV6)) {
            faults.add("the pods' MTU " + mtu + " is below IPv6's minimum of " + MIN_MTU_IPV6 + "; raise that of "
                    + uplink.name() + " to " + (MIN_MTU_IPV6 + overhead));
        }
    }

    private void addPeer(Node peer, IpFamily underlay) {
        for (Cidr cidr : peer.podCidrs()) {
            Optional<String> owner = taken.entrySet().stream()
                    .filter(t -> t.getKey().overlaps(cidr))
                    .map(Map.Entry::getValue)
                    .findFirst();
            if (owner.isPresent()) {
                faults.add("pod CIDR " + cidr + " of node " + peer.name() + " overlaps one of node " + owner.get()
                        + "; it gets no route until the node objects are put right");
                continue;
            }
            Optional<IpAddress> sameFamily = peer.internalIp(cidr.family());
            boolean direct = switch (settings.mode()) {
                case DIRECT -> true;
                // Both ends have to come to the same answer, so this node needs an address of the family as well.
                case AUTO ->
                    self.internalIp(cidr.family()).isPresent()
                            && sameFamily.isPresent()
                            && uplink.reachesDirectly(sameFamily.get());
                case VXLAN, NONE -> false;
            };
            boolean added = direct
                    ? addDirect(peer, cidr, sameFamily)
                    : addTunnelled(peer, cidr, peer.internalIp(underlay), underlay);
            if (added) {
                taken.put(cidr, peer.name());
            }
        }
    }

    private boolean addDirect(Node peer, Cidr cidr, Optional<IpAddress> address) {
        if (address.isEmpty()) {
            faults.add("node " + peer.name() + " has no " + cidr.family() + " InternalIP that its pods in " + cidr
                    + " could be reached through directly");
            return false;
        }
        if (isOwn(address.get(), peer)) {
            return false;
        }
        if (!uplink.reachesDirectly(address.get())) {
            faults.add("node " + peer.name() + " at " + address.get() + " is not on the link of " + uplink.name()
                    + ", so --overlay direct can't reach its pods; use auto or vxlan");
            return false;
        }
        routes.add(new OverlayRoute.Direct(cidr, address.get(), uplink.index()));
        return true;
    }

    private boolean addTunnelled(Node peer, Cidr cidr, Optional<IpAddress> address, IpFamily underlay) {
        if (address.isEmpty()) {
            faults.add(
                    "node " + peer.name() + " has no " + underlay + " InternalIP, which tunnels from this node need");
            return false;
        }
        if (isOwn(address.get(), peer)) {
            return false;
        }
        MacAddress mac = TunnelAddress.of(address.get());
        IpAddress other = forwarding.putIfAbsent(mac, address.get());
        if (other != null && !other.equals(address.get())) {
            faults.add("nodes at " + other + " and " + address.get() + " have the same link-layer address " + mac
                    + "; change one node's address");
            return false;
        }
        neighbours.put(cidr.network(), mac);
        routes.add(new OverlayRoute.Tunnelled(cidr, cidr.network()));
        return true;
    }

    private boolean isOwn(IpAddress address, Node peer) {
        boolean own = self.internalIps().contains(address);
        if (own) {
            faults.add("node " + peer.name() + " has this node's address " + address);
        }
        return own;
    }
}
