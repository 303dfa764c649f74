package dev.ikat.agent.announce;

import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Who announces which address on a link: each node computes it, and all come to the same result if they hear the same
 * nodes. Each address has an order of its own of all nodes (rendezvous hashing), so that a node that goes leaves its
 * addresses to many others, and no other address moves.
 */
final class Election {
    private Election() {}

    /**
     * The first of these nodes in the address's order; empty if there are none.
     *
     * @param nodes their names
     */
    static Optional<String> first(Collection<String> nodes, IpAddress address) {
        long salt =
                Heartbeat.mix(Heartbeat.mix(address.high() + address.family().bits()) ^ address.low());
        return nodes.stream()
                .max(Comparator.<String>comparingLong(node -> Heartbeat.mix(Heartbeat.hash(node) ^ salt))
                        .thenComparing(Comparator.naturalOrder()));
    }

    /**
     * Who announces each address of the plan; empty for an address that no node may announce.
     *
     * @param self this node's name
     */
    static SortedMap<IpAddress, Optional<String>> owners(
            String self, AnnouncePlan plan, AnnounceLink link, Membership members) {
        Set<String> candidates = candidates(self, plan, link, members);
        SortedMap<IpAddress, Optional<String>> owners = new TreeMap<>();
        plan.addresses()
                .forEach((address, confined) -> owners.put(
                        address,
                        confined.isEmpty()
                                ? first(candidates, address)
                                : first(
                                        candidates.stream()
                                                .filter(confined.get()::contains)
                                                .toList(),
                                        address)));
        return owners;
    }

    private static Set<String> candidates(String self, AnnouncePlan plan, AnnounceLink link, Membership members) {
        Set<String> candidates = new TreeSet<>(members.active());
        candidates.addAll(presumed(self, plan, link, members));
        candidates.removeIf(name -> {
            Node node = plan.nodes().get(name);
            return node == null || !node.takesLoadBalancing();
        });
        return candidates;
    }

    /**
     * The other nodes of the link that are ready although this one has never heard any node. It can't be known whether
     * they announce, or whether heartbeats just do not arrive; so this node takes what falls to it among all of them,
     * lest each announce everything.
     */
    static Set<String> presumed(String self, AnnouncePlan plan, AnnounceLink link, Membership members) {
        Set<String> others = new TreeSet<>();
        if (!members.hasEverHeard()) {
            plan.nodes().forEach((name, node) -> {
                if (!name.equals(self) && node.ready() && node.takesLoadBalancing() && link.has(node)) {
                    others.add(name);
                }
            });
        }
        return others;
    }
}
