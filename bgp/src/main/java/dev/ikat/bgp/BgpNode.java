package dev.ikat.bgp;

import dev.ikat.cluster.Labels;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A node as far as BGP is concerned: no address or block in here is another node's.
 *
 * @param name its name
 * @param labels its labels
 * @param addresses its InternalIPs, the preferred one of each family first
 * @param podCidrs the blocks of its pods
 */
public record BgpNode(String name, Labels labels, List<IpAddress> addresses, Set<Cidr> podCidrs) {
    /** The label of nodes that reflect the others' routes, whatever its value. */
    public static final String REFLECTOR_LABEL = "ikat.dev/bgp-route-reflector";

    public BgpNode {
        addresses = List.copyOf(addresses);
        podCidrs = Set.copyOf(podCidrs);
    }

    /** The address of this family at which it is reached. */
    Optional<IpAddress> address(IpFamily family) {
        return addresses.stream().filter(one -> one.family() == family).findFirst();
    }

    /** Whether it reflects the others' routes, where that is asked for. */
    boolean isReflector() {
        return labels.values().containsKey(REFLECTOR_LABEL);
    }
}
