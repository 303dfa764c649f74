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
 * @param addresses its addresses
 */
public record Uplink(int index, InterfaceName name, int mtu, List<InterfaceAddress> addresses) {
    public Uplink {
        addresses = List.copyOf(addresses);
    }

    /** The interface's own subnets. */
    List<Cidr> networks() {
        return addresses.stream()
                .filter(a -> a.prefixLength() < a.address().family().bits())
                .map(InterfaceAddress::cidr)
                .toList();
    }

    /** Whether an address is in one of the interface's own subnets. */
    boolean reachesDirectly(IpAddress address) {
        return networks().stream().anyMatch(network -> network.contains(address));
    }
}
