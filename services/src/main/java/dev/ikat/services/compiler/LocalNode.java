package dev.ikat.services.compiler;

import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What frontends depend on of the node that they are on.
 *
 * @param name its name
 * @param zone its zone; empty if it is in none
 * @param nodePortAddresses its addresses that have node ports
 */
record LocalNode(String name, Optional<String> zone, List<IpAddress> nodePortAddresses) {
    private static final String ZONE_LABEL = "topology.kubernetes.io/zone";

    /**
     * The node of this name.
     *
     * @param object it; empty while the cluster does not know it: then it has no zone, and no InternalIPs
     * @param hostAddresses addresses that it has besides
     */
    static LocalNode of(String name, Optional<Node> object, Set<IpAddress> hostAddresses, ServiceSettings settings) {
        List<IpAddress> internal = object.map(Node::internalIps).orElse(List.of());
        List<IpAddress> addresses = settings.nodePortAddresses().isEmpty()
                ? internal
                : Stream.concat(internal.stream(), hostAddresses.stream())
                        // The kernel takes no packet with a loopback address from another link.
                        .filter(address -> !address.isLoopback())
                        .filter(address ->
                                settings.nodePortAddresses().stream().anyMatch(block -> block.contains(address)))
                        .toList();
        return new LocalNode(
                name,
                object.flatMap(
                        node -> Optional.ofNullable(node.labels().values().get(ZONE_LABEL))),
                addresses.stream().distinct().sorted().toList());
    }
}
