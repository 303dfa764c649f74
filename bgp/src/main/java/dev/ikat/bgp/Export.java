package dev.ikat.bgp;

import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpCommunity;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Which routes are announced in a session, and with which attributes. The next hop is the node.
 *
 * @param routes the reasons of the {@link RouteGroup} that is announced
 * @param communities what the routes are marked with, in order, each once
 * @param localPreference their preference within the autonomous system; empty for the receiver's default
 */
public record Export(RouteGroup.Reasons routes, List<BgpCommunity> communities, Optional<Long> localPreference) {
    public Export {
        communities = List.copyOf(new TreeSet<>(communities));
    }

    /** Without attributes. */
    static Export of(RouteGroup.Reasons routes) {
        return new Export(routes, List.of(), Optional.empty());
    }

    /** As the advertisement says, too: with the communities of both, and the higher preference. */
    Export and(BgpAdvertisement advertisement) {
        TreeSet<BgpCommunity> all = new TreeSet<>(communities);
        all.addAll(advertisement.communities());
        Optional<Long> other = advertisement.localPreference();
        Optional<Long> preference = localPreference
                .flatMap(one -> other.map(two -> Math.max(one, two)))
                .or(() -> localPreference)
                .or(() -> other);
        return new Export(routes, List.copyOf(all), preference);
    }
}
