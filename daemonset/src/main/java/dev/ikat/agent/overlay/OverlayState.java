package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The complete desired state of the overlay in the kernel: whatever is Ikat's and not in here is removed.
 *
 * @param tunnels the tunnel links: none if none is needed, else one, or one of each family where some nodes have
 *     addresses of one family only
 * @param tunnelAddresses this node's addresses on each of them
 * @param forwarding for each other node's link-layer address the node address to send to
 * @param neighbours for each other node's tunnel address its link-layer address
 * @param routes the routes
 * @param podMtu the MTU of pods' interfaces, in bytes
 * @param podFamilies the families that new pods can have addresses of
 * @param self this node's name
 * @param ownBlocks this node's pod CIDRs, without those that contain addresses which can't be pods'
 * @param peers the other nodes with the accepted parts of their objects, ordered by name
 * @param faults what could not be done for which node, and what would have to change
 * @param inForce who has which block and address by this plan
 */
public record OverlayState(
        List<Tunnel> tunnels,
        Set<IpAddress> tunnelAddresses,
        Map<MacAddress, IpAddress> forwarding,
        Map<IpAddress, MacAddress> neighbours,
        Set<OverlayRoute> routes,
        int podMtu,
        Set<IpFamily> podFamilies,
        String self,
        Set<Cidr> ownBlocks,
        List<Peer> peers,
        List<NodeFault> faults,
        InForce inForce) {
    /** IPv6 needs links that take this much (RFC 8200, section 5); the kernel has none on a smaller one. */
    static final int MIN_MTU_IPV6 = 1280;

    /** Nothing at all. */
    static final OverlayState NOTHING = new OverlayState(
            List.of(),
            Set.of(),
            Map.of(),
            Map.of(),
            Set.of(),
            0,
            Set.of(),
            "",
            Set.of(),
            List.of(),
            List.of(),
            InForce.NOTHING);

    /**
     * A tunnel link.
     *
     * @param link its name
     * @param vni the VXLAN network identifier
     * @param port the UDP port
     * @param local this node's address, the source of the outer packets
     * @param mac its link-layer address
     * @param mtu its MTU in bytes
     * @param checksumOffload whether it leaves checksums to what is below it
     */
    public record Tunnel(
            InterfaceName link, int vni, int port, IpAddress local, MacAddress mac, int mtu, boolean checksumOffload) {
        /** The family of its outer packets. */
        IpFamily family() {
            return local.family();
        }

        /** Whether it is large enough for packets of this family. */
        boolean carries(IpFamily inner) {
            return inner == IpFamily.IPV4 || mtu >= MIN_MTU_IPV6;
        }
    }

    public OverlayState {
        tunnels = List.copyOf(tunnels);
        tunnelAddresses = Set.copyOf(tunnelAddresses);
        forwarding = Map.copyOf(forwarding);
        neighbours = Map.copyOf(neighbours);
        routes = Set.copyOf(routes);
        podFamilies = Set.copyOf(podFamilies);
        ownBlocks = Set.copyOf(ownBlocks);
        peers = List.copyOf(peers);
        faults = List.copyOf(faults);
    }

    /**
     * Why this node must not assign addresses to pods: an address or a block in its own object does not belong to it.
     */
    public Optional<String> refusal() {
        return faults.stream()
                .filter(fault -> fault.node().equals(self) && fault.cause().forbidsPods())
                .map(NodeFault::text)
                .findFirst();
    }

    /** The addresses by which this node answers for its own blocks without a tunnel. */
    public Set<IpAddress> answering() {
        return routes.stream()
                .filter(OverlayRoute.Answering.class::isInstance)
                .map(route -> route.destination().network())
                .collect(Collectors.toSet());
    }

    /** The forwarding entries of the tunnel link that sends over this family. */
    Map<MacAddress, IpAddress> forwarding(IpFamily underlay) {
        Map<MacAddress, IpAddress> entries = new HashMap<>(forwarding);
        entries.values().removeIf(node -> node.family() != underlay);
        return entries;
    }

    /** The neighbour entries of the tunnel link that sends over this family. */
    Map<IpAddress, MacAddress> neighbours(IpFamily underlay) {
        Map<IpAddress, MacAddress> entries = new HashMap<>(neighbours);
        entries.values().retainAll(forwarding(underlay).keySet());
        return entries;
    }

    /** The blocks from which the cluster's pods have their addresses. */
    public Set<Cidr> clusterBlocks() {
        Set<Cidr> blocks = new HashSet<>(ownBlocks);
        peers.forEach(peer -> blocks.addAll(peer.podCidrs()));
        return blocks;
    }
}
