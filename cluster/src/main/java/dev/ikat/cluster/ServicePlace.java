package dev.ikat.cluster;

import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.model.IpAddress;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * An address of a service, and the nodes to which the network may bring packets for it.
 *
 * @param address the address
 * @param kind which of the service's addresses it is
 * @param nodes the nodes with a ready endpoint, where traffic has to stay on the node at which it arrives; empty if
 *     every node will do
 */
public record ServicePlace(IpAddress address, ServiceAddresses kind, Optional<Set<String>> nodes) {
    public ServicePlace {
        Objects.requireNonNull(address, "address");
        Objects.requireNonNull(kind, "kind");
        nodes = nodes.map(Set::copyOf);
    }

    /** Whether packets may be brought to this node. */
    public boolean includes(String node) {
        return nodes.isEmpty() || nodes.get().contains(node);
    }
}
