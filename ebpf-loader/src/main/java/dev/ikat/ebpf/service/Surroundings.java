package dev.ikat.ebpf.service;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * What surrounds this node.
 *
 * @param uplink the interface by which connections from outside the cluster arrive
 * @param own this node's addresses among the nodes
 * @param nodes the addresses of all nodes
 */
public record Surroundings(InterfaceName uplink, Set<IpAddress> own, Set<IpAddress> nodes) {
    public Surroundings {
        own = Set.copyOf(own);
        nodes = Set.copyOf(nodes);
    }

    /** For each node's address what this node has in its place: an address of the same family. */
    Map<IpAddress, IpAddress> counterparts() {
        Map<IpAddress, IpAddress> counterparts = new HashMap<>();
        for (IpAddress node : nodes) {
            own.stream()
                    .filter(address -> address.family() == node.family())
                    .min(IpAddress::compareTo)
                    .ifPresent(address -> counterparts.put(node, own.contains(node) ? node : address));
        }
        return counterparts;
    }
}
