package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Set;

/**
 * Another node and the accepted parts of its object: no address or block in here is also another node's.
 *
 * @param node its name
 * @param addresses its InternalIPs
 * @param podCidrs the blocks of its pods' addresses
 * @param routes how this node reaches them, and so how their packets arrive: through the tunnel from one of the
 *     addresses, or on an interface; without blocks that no path leads to, and none if another program routes
 */
public record Peer(String node, List<IpAddress> addresses, Set<Cidr> podCidrs, Set<OverlayRoute> routes) {
    public Peer {
        addresses = List.copyOf(addresses);
        podCidrs = Set.copyOf(podCidrs);
        routes = Set.copyOf(routes);
    }
}
