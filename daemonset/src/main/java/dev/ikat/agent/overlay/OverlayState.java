package dev.ikat.agent.overlay;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
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
 * @param faults what could not be done for which node, and what would have to change
 */
public record OverlayState(
        Optional<Tunnel> tunnel,
        Set<IpAddress> tunnelAddresses,
        Map<MacAddress, IpAddress> forwarding,
        Map<IpAddress, MacAddress> neighbours,
        Set<OverlayRoute> routes,
        int podMtu,
        List<String> faults) {

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
        faults = List.copyOf(faults);
    }
}
