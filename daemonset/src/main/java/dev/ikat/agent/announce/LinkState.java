package dev.ikat.agent.announce;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;

/**
 * What has become of announcing on one link.
 *
 * @param link the link
 * @param standing what this node does there, in a few words
 * @param active whether this node takes addresses there
 * @param heard the other nodes that are heard
 * @param presumed the nodes that are taken for announcing although none has ever been heard
 * @param owners who announces which address, as far as this node knows; empty where none does
 * @param own how many this node announces
 * @param conflicts which of these other hosts claim, too
 * @param failure why announcing does not work; empty if it does
 */
public record LinkState(
        InterfaceName link,
        String standing,
        boolean active,
        Set<String> heard,
        Set<String> presumed,
        SortedMap<IpAddress, Optional<String>> owners,
        int own,
        List<AddressConflict> conflicts,
        Optional<String> failure) {
    public LinkState {
        heard = Collections.unmodifiableSet(new TreeSet<>(heard));
        presumed = Collections.unmodifiableSet(new TreeSet<>(presumed));
        owners = Collections.unmodifiableSortedMap(owners);
        conflicts = List.copyOf(conflicts);
    }

    /** How many addresses no node announces. */
    public int unowned() {
        return (int) owners.values().stream().filter(Optional::isEmpty).count();
    }
}
