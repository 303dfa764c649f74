package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The complete desired state of the overlay in the kernel: whatever is Ikat's and not in here is removed.
 *
 * @param tunnel the tunnel link, empty if none is needed
 * @param tunnelAddresses this node's addresses on it
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
        Optional<Tunnel> tunnel,
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
    /** Nothing at all. */
    static final OverlayState NOTHING = new OverlayState(
            Optional.empty(),
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
     * The tunnel link.
     *
     * @param vni the VXLAN network identifier
     * @param port the UDP port
     * @param local this node's address, the source of the outer packets
     * @param mac its link-layer address
     * @param mtu its MTU in bytes
     * @param checksumOffload whether it leaves checksums to what is below it
     */
    public record Tunnel(int vni, int port, IpAddress local, MacAddress mac, int mtu, boolean checksumOffload) {}

    public OverlayState {
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

    /** The blocks from which the cluster's pods have their addresses. */
    public Set<Cidr> clusterBlocks() {
        Set<Cidr> blocks = new HashSet<>(ownBlocks);
        peers.forEach(peer -> blocks.addAll(peer.podCidrs()));
        return blocks;
    }
}
