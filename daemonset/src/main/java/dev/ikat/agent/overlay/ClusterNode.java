package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;

/**
 * What the overlay has to know of a node.
 *
 * @param name its name
 * @param addresses its InternalIP addresses, the primary one first
 * @param podCidrs the blocks that its pods' addresses come from
 */
public record ClusterNode(String name, List<IpAddress> addresses, List<Cidr> podCidrs) {
    public ClusterNode {
        addresses = List.copyOf(addresses);
        podCidrs = List.copyOf(podCidrs);
    }

    /** Its first address of the family. */
    public Optional<IpAddress> address(IpFamily family) {
        return addresses.stream().filter(a -> a.family() == family).findFirst();
    }
}
