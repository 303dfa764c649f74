package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the kernel should have for the overlay, all of it: what is not in here and is Ikat's is removed.
 *
 * @param tunnel the tunnel device, empty where none is needed
 * @param tunnelAddresses this node's addresses on it
 * @param forwarding for each other node's link-layer address the node address to send to
 * @param neighbours for each other node's tunnel address its link-layer address
 * @param routes the routes
 * @param podMtu the MTU of pods' interfaces, in bytes
 * @param self this node's name
 * @param ownBlocks this node's pod CIDRs, without those that hold addresses which can't be pods'
 * @param peers the other nodes with what of their objects is believed, in order of their names
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
            "",
            Set.of(),
            List.of(),
            List.of(),
            InForce.NOTHING);

    /**
     * The tunnel device.
     *
     * @param vni the VXLAN network identifier
     * @param port the UDP port
     * @param local this node's address, the source of the outer packets
     * @param mac the device's link-layer address
     * @param mtu the device's MTU in bytes
     * @param checksumOffload whether it leaves checksums to what is below it
     */
    public record Tunnel(int vni, int port, IpAddress local, MacAddress mac, int mtu, boolean checksumOffload) {}

    public OverlayState {
        tunnelAddresses = Set.copyOf(tunnelAddresses);
        forwarding = Map.copyOf(forwarding);
        neighbours = Map.copyOf(neighbours);
        routes = Set.copyOf(routes);
        ownBlocks = Set.copyOf(ownBlocks);
        peers = List.copyOf(peers);
        faults = List.copyOf(faults);
    }

    /** Why this node must not give addresses to pods: an address or block of its own object is not its. */
    public Optional<String> refusal() {
        return faults.stream()
                .filter(fault -> fault.node().equals(self) && fault.cause().forbidsPods())
                .map(NodeFault::text)
                .findFirst();
    }

    /** The blocks that pods of the cluster have addresses of. */
    public Set<Cidr> clusterBlocks() {
        Set<Cidr> blocks = new HashSet<>(ownBlocks);
        peers.forEach(peer -> blocks.addAll(peer.podCidrs()));
        return blocks;
    }
}
