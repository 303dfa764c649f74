package dev.ikat.agent.announce;

import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import java.util.Set;

/**
 * A link on which addresses are announced, as the kernel has it now.
 *
 * @param index its index
 * @param name its name
 * @param mac its link-layer address
 * @param up whether it can carry packets
 * @param networks the subnets of this host's addresses on it
 */
record AnnounceLink(int index, InterfaceName name, MacAddress mac, boolean up, Set<Cidr> networks) {
    AnnounceLink {
        networks = Set.copyOf(networks);
    }

    /** Whether this is the same link, so that sockets on it are still good. */
    boolean isSameAs(AnnounceLink other) {
        return index == other.index && name.equals(other.name) && mac.equals(other.mac);
    }

    /** Whether a node has an address on it. */
    boolean has(Node node) {
        return node.internalIps().stream().anyMatch(ip -> networks.stream().anyMatch(network -> network.contains(ip)));
    }
}
