package dev.ikat.agent.announce;

import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What there is to announce and who may, as the cluster's objects say. Immutable.
 *
 * @param nodes the nodes, by name
 * @param addresses the addresses, each with the nodes that it is confined to
 * @param hindrance why this node takes no addresses; empty if it does
 */
record AnnouncePlan(
        Map<String, Node> nodes, SortedMap<IpAddress, Optional<Set<String>>> addresses, Optional<String> hindrance) {
    /** Nothing is known yet. */
    static final AnnouncePlan NOTHING =
            new AnnouncePlan(Map.of(), new TreeMap<>(), Optional.of("the cluster is not known yet"));

    AnnouncePlan {
        Objects.requireNonNull(hindrance, "hindrance");
        nodes = Map.copyOf(nodes);
    }

    /** Whether this heartbeat is from a node of the cluster. */
    boolean knows(Heartbeat heartbeat) {
        Node node = nodes.get(heartbeat.node());
        return node != null && node.internalIps().contains(heartbeat.address());
    }
}
