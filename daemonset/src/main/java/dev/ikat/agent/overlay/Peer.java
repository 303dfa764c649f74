package dev.ikat.agent.overlay;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Set;

/**
 * Another node, and what of its object is believed: no address or block in here is another node's as well.
 *
 * @param node its name
 * @param addresses its InternalIPs
 * @param podCidrs the blocks its pods' addresses are from
 * @param routes how this node reaches them, and so how their packets come in: through the tunnel from one of the
 *     addresses, or by an interface; without those that nothing leads to, and none where somebody else routes
 */
public record Peer(String node, List<IpAddress> addresses, Set<Cidr> podCidrs, Set<OverlayRoute> routes) {
    public Peer {
        addresses = List.copyOf(addresses);
        podCidrs = Set.copyOf(podCidrs);
        routes = Set.copyOf(routes);
    }
}
