package dev.ikat.agent.announce;

import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What has become of announcing load balancers' addresses by ARP and neighbour discovery.
 *
 * @param announced whether this is asked for
 * @param node this node's name
 * @param links on which links
 * @param confined the addresses that only nodes with a ready endpoint may announce, with those nodes
 * @param faults what keeps this node from announcing, or is in the way of it, a sentence each
 */
public record AnnounceState(
        boolean announced,
        String node,
        List<LinkState> links,
        SortedMap<IpAddress, Set<String>> confined,
        List<String> faults) {
    /** It is not asked for. */
    public static final AnnounceState OFF = new AnnounceState(false, "", List.of(), new TreeMap<>(), List.of());

    public AnnounceState {
        links = List.copyOf(links);
        faults = List.copyOf(faults);
    }

    /** Why no node announces an address, in a few words. */
    public String why(IpAddress address) {
        return Optional.ofNullable(confined.get(address))
                .map(nodes -> nodes.isEmpty()
                        ? "externalTrafficPolicy is Local, and no node has a ready endpoint"
                        : "externalTrafficPolicy is Local, and of the nodes with a ready endpoint none takes part here: "
                                + String.join(", ", nodes.stream().sorted().toList()))
                .orElse("no node takes part here yet");
    }

    /** Which addresses other hosts claim that this node announces. */
    public List<AddressConflict> conflicts() {
        return links.stream().flatMap(link -> link.conflicts().stream()).toList();
    }

    /** How many addresses no node announces, on the link where that is most. */
    public int unowned() {
        return links.stream().mapToInt(LinkState::unowned).max().orElse(0);
    }
}
