package dev.ikat.services.compiler;

import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.Service;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Target;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * The endpoints of one port of a service in one address family, each once, and which of them connections go to: those
 * that are ready, and only if there is none, those that drain.
 */
final class PortEndpoints {
    /** What is said of an endpoint in several slices: that it may be sent to counts, then that it is on this node. */
    private static final Comparator<Found> BETTER =
            Comparator.comparing(Found::condition).thenComparing(found -> !found.local);

    private final LocalNode node;
    private final Collection<Found> all;

    /**
     * An endpoint.
     *
     * @param local whether it is on this node
     */
    private record Found(Backend backend, Endpoint endpoint, boolean local) {
        Condition condition() {
            return endpoint.condition();
        }
    }

    private PortEndpoints(LocalNode node, Collection<Found> all) {
        this.node = node;
        this.all = all;
    }

    /** @param slices all of the service, in a stable order */
    static PortEndpoints of(Service.Port port, IpFamily family, Collection<EndpointSlice> slices, LocalNode node) {
        Map<Backend, Found> found = new TreeMap<>();
        for (EndpointSlice slice : slices) {
            if (!slice.family().equals(Optional.of(family))) {
                continue;
            }
            for (EndpointSlice.Port target : slice.ports()) {
                if (target.name().equals(port.name()) && target.protocol() == port.protocol()) {
                    add(slice, target.port(), node, found);
                }
            }
        }
        return new PortEndpoints(node, found.values());
    }

    private static void add(EndpointSlice slice, int port, LocalNode node, Map<Backend, Found> found) {
        for (Endpoint endpoint : slice.endpoints()) {
            boolean local = endpoint.node().equals(Optional.of(node.name()));
            Found one = new Found(new Backend(endpoint.address(), port), endpoint, local);
            found.merge(one.backend, one, (first, next) -> BETTER.compare(next, first) < 0 ? next : first);
        }
    }

    /** Where connections go that may go to any node. */
    Target cluster() {
        Predicate<Endpoint> preferred = preferred();
        List<Backend> ready = those(found -> found.condition() == Condition.READY && preferred.test(found.endpoint));
        // Among endpoints that drain nobody is choosy.
        List<Backend> usable = ready.isEmpty() ? those(found -> found.condition() == Condition.DRAINING) : ready;
        return usable.isEmpty() ? Target.REJECT : new Target.Balance(usable);
    }

    /** Where connections go that have to stay on this node. */
    Target local() {
        List<Backend> ready = local(Condition.READY);
        List<Backend> usable = ready.isEmpty() ? local(Condition.DRAINING) : ready;
        if (!usable.isEmpty()) {
            return new Target.Balance(usable);
        }
        // Somebody else could answer: whoever sends here should try another node.
        boolean elsewhere = all.stream().anyMatch(found -> found.condition() != Condition.UNAVAILABLE);
        return elsewhere ? Target.DROP : Target.REJECT;
    }

    /** The endpoints of this node in this condition. */
    List<Backend> local(Condition condition) {
        return those(found -> found.local && found.condition() == condition);
    }

    private List<Backend> those(Predicate<Found> predicate) {
        return all.stream().filter(predicate).map(Found::backend).toList();
    }

    /**
     * Which ready endpoints this node should prefer: those with a hint for it, or else those with a hint for its zone.
     * Hints count only if every ready endpoint has one and some are for this node, or its zone; if not, whoever gives
     * hints has not caught up with the endpoints, and all of them are the same.
     */
    private Predicate<Endpoint> preferred() {
        if (areHinted(endpoint -> !endpoint.hints().nodes().isEmpty(), this::isForNode)) {
            return this::isForNode;
        }
        if (areHinted(endpoint -> !endpoint.hints().zones().isEmpty(), this::isForZone)) {
            return this::isForZone;
        }
        return _ -> true;
    }

    private boolean areHinted(Predicate<Endpoint> hinted, Predicate<Endpoint> forHere) {
        boolean someForHere = false;
        for (Found found : all) {
            if (found.condition() == Condition.READY) {
                if (!hinted.test(found.endpoint)) {
                    return false;
                }
                someForHere |= forHere.test(found.endpoint);
            }
        }
        return someForHere;
    }

    private boolean isForNode(Endpoint endpoint) {
        return endpoint.hints().nodes().contains(node.name());
    }

    private boolean isForZone(Endpoint endpoint) {
        return node.zone().filter(endpoint.hints().zones()::contains).isPresent();
    }
}
