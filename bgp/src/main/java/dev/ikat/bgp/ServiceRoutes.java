package dev.ikat.bgp;

import dev.ikat.cluster.Claims;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ServicePlace;
import dev.ikat.cluster.ServicePlaces;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which addresses of services one node can announce, of all {@link ServicePlaces}. A change costs what the services
 * cost that it is about. Not thread-safe.
 */
public final class ServiceRoutes {
    private final String nodeName;
    private final ServicePlaces places = new ServicePlaces();
    /** Several places may be one to this node: those of services that share an address, but not their nodes. */
    private final Claims<ServiceAddress> addresses = new Claims<>();

    /** Knows no objects yet. */
    public ServiceRoutes(String nodeName) {
        this.nodeName = nodeName;
    }

    /**
     * Takes in what is different; objects of other kinds are ignored.
     *
     * @return which addresses this node can announce now and could not before, and the other way round
     */
    public Claims.Difference<ServiceAddress> apply(ClusterChange change) {
        Claims.Difference<ServicePlace> different = places.apply(change);
        return addresses.change(announced(different.gone()), announced(different.come()));
    }

    private List<ServiceAddress> announced(Collection<ServicePlace> places) {
        return places.stream()
                .filter(place -> place.includes(nodeName))
                .map(place -> new ServiceAddress(
                        place.address(), place.kind(), place.nodes().isEmpty()))
                .toList();
    }

    /** What this node can announce now, in order. */
    public SortedSet<ServiceAddress> addresses() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(addresses.all()));
    }
}
