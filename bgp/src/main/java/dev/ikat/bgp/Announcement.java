package dev.ikat.bgp;

import dev.ikat.cluster.BgpCommunity;
import dev.ikat.model.Cidr;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * A route that a node announces, with itself as next hop.
 *
 * @param prefix where it leads
 * @param communities what it is marked with, in order, each once
 * @param localPreference its preference within the autonomous system; empty for the receiver's default
 */
public record Announcement(Cidr prefix, List<BgpCommunity> communities, Optional<Long> localPreference)
        implements Comparable<Announcement> {
    public Announcement {
        communities = List.copyOf(new TreeSet<>(communities));
    }

    /** One without attributes. */
    public static Announcement of(Cidr prefix) {
        return new Announcement(prefix, List.of(), Optional.empty());
    }

    /** The same route for two reasons: it has the communities of both, and the higher preference. */
    Announcement and(Announcement other) {
        TreeSet<BgpCommunity> all = new TreeSet<>(communities);
        all.addAll(other.communities);
        Optional<Long> preference = localPreference
                .flatMap(one -> other.localPreference.map(two -> Math.max(one, two)))
                .or(() -> localPreference)
                .or(() -> other.localPreference);
        return new Announcement(prefix, List.copyOf(all), preference);
    }

    /** By prefix. */
    @Override
    public int compareTo(Announcement other) {
        return prefix.compareTo(other.prefix);
    }
}
