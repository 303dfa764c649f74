package dev.ikat.agent.overlay;

import dev.ikat.cluster.Node;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds the {@link Uplink} in the kernel. */
public final class UplinkFinder {
    private UplinkFinder() {}

    /** The interface with this name if one is given, otherwise the one that has an address of the node. */
    public static Optional<Uplink> find(Netlink netlink, Optional<InterfaceName> wanted, Node self) {
        List<Address> addresses = netlink.addresses();
        for (Link link : netlink.links()) {
            List<InterfaceAddress> own = new ArrayList<>();
            for (Address address : addresses) {
                if (address.interfaceIndex() == link.index()) {
                    own.add(address.address());
                }
            }
            boolean found = wanted.isPresent()
                    ? wanted.get().equals(link.name())
                    : !link.isLoopback()
                            && own.stream().anyMatch(a -> self.internalIps().contains(a.address()));
            if (found) {
                return Optional.of(new Uplink(link.index(), link.name(), link.mtu(), own));
            }
        }
        return Optional.empty();
    }
}
