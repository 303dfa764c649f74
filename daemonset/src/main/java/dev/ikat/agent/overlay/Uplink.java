package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.util.List;

/**
 * The interface to the other nodes.
 *
 * @param index its index
 * @param name its name
 * @param mtu its MTU in bytes
 * @param addresses its addresses, and those of this node that it carries although another link has them
 * @param neighbours whether it finds others by their link-layer addresses, so that a packet can be handed to another
 *     node whatever its destination; not so on a tunnel as WireGuard's, whose other end decides by the packet's
 *     addresses
 */
public record Uplink(int index, InterfaceName name, int mtu, List<InterfaceAddress> addresses, boolean neighbours) {
    public Uplink {
        addresses = List.copyOf(addresses);
    }

    /** An Ethernet link. */
    public Uplink(int index, InterfaceName name, int mtu, List<InterfaceAddress> addresses) {
        this(index, name, mtu, addresses, true);
    }

    /** The interface's own subnets. */
    List<Cidr> networks() {
        return addresses.stream()
                .filter(a -> a.prefixLength() < a.address().family().bits())
                .map(InterfaceAddress::cidr)
                .toList();
    }

    /** Whether packets for others can be handed to the host with this address, without a router in between. */
    public boolean reachesDirectly(IpAddress address) {
        return neighbours && networks().stream().anyMatch(network -> network.contains(address));
    }
}
