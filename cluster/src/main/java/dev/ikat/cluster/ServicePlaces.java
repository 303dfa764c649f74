package dev.ikat.cluster;

import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * To which nodes the network may bring packets for the addresses of services. An address whose traffic has to stay on
 * the node at which it arrives is for nodes that have a ready endpoint. A change costs what the services cost that it
 * is about. Not thread-safe.
 */
public final class ServicePlaces {
    private final Map<Name, Known> services = new HashMap<>();
    private final Claims<ServicePlace> claims = new Claims<>();

    /** Knows no objects yet. */
    public ServicePlaces() {}

    /** The name of a service, or what a slice takes for one. */
    private record Name(String namespace, String name) {}

    /** What is known of a service. */
    private static final class Known {
        private Optional<Service> service = Optional.empty();
        private final Map<ObjectKey, EndpointSlice> slices = new HashMap<>();
        private Set<ServicePlace> places = Set.of();

        private boolean isNothing() {
            return service.isEmpty() && slices.isEmpty();
        }
    }

    /**
     * Takes in what is different; objects of other kinds are ignored.
     *
     * @return the addresses that have come and gone; one whose nodes are others now is in both
     */
    public Claims.Difference<ServicePlace> apply(ClusterChange change) {
        Set<Name> touched = new HashSet<>();
        change.removed().forEach(object -> remove(object, touched));
        for (ClusterChange.Update update : change.updated()) {
            remove(update.before(), touched);
            put(update.after(), touched);
        }
        change.added().forEach(object -> put(object, touched));
        List<ServicePlace> released = new ArrayList<>();
        List<ServicePlace> claimed = new ArrayList<>();
        for (Name name : touched) {
            place(name, released, claimed);
        }
        return claims.change(released, claimed);
    }

    private void put(ClusterObject object, Set<Name> touched) {
        switch (object) {
            case Service service ->
                known(new Name(service.namespace(), service.name()), touched).service = Optional.of(service);
            case EndpointSlice slice
            when !slice.service().isEmpty() ->
                known(ofSlice(slice), touched).slices.put(slice.key(), slice);
            default -> {
                // No address depends on it.
            }
        }
    }

    private void remove(ClusterObject object, Set<Name> touched) {
        switch (object) {
            case Service service ->
                known(new Name(service.namespace(), service.name()), touched).service = Optional.empty();
            case EndpointSlice slice
            when !slice.service().isEmpty() ->
                known(ofSlice(slice), touched).slices.remove(slice.key());
            default -> {
                // No address depends on it.
            }
        }
    }

    private static Name ofSlice(EndpointSlice slice) {
        return new Name(slice.namespace(), slice.service());
    }

    private Known known(Name name, Set<Name> touched) {
        touched.add(name);
        return services.computeIfAbsent(name, _ -> new Known());
    }

    private void place(Name name, List<ServicePlace> released, List<ServicePlace> claimed) {
        Known known = services.get(name);
        if (known == null) {
            return;
        }
        Set<ServicePlace> now = known.service
                .map(service -> addresses(service, known.slices.values()))
                .orElse(Set.of());
        if (known.isNothing()) {
            services.remove(name);
        }
        known.places.stream().filter(one -> !now.contains(one)).forEach(released::add);
        now.stream().filter(one -> !known.places.contains(one)).forEach(claimed::add);
        known.places = now;
    }

    private static Set<ServicePlace> addresses(Service service, Collection<EndpointSlice> slices) {
        if (service.type() == Service.Type.EXTERNAL_NAME || service.leftToOthers()) {
            return Set.of();
        }
        Set<ServicePlace> all = new HashSet<>();
        boolean stays = service.internalTrafficPolicy() == TrafficPolicy.LOCAL;
        boolean staysFromOutside = service.external().trafficPolicy() == TrafficPolicy.LOCAL;
        Map<IpFamily, Set<String>> ready = stays || staysFromOutside ? readyNodes(slices) : Map.of();
        for (IpAddress ip : service.clusterIps()) {
            all.add(place(ip, ServiceAddresses.CLUSTER_IP, stays, ready));
        }
        for (IpAddress ip : service.external().ips()) {
            all.add(place(ip, ServiceAddresses.EXTERNAL_IP, staysFromOutside, ready));
        }
        for (Service.Ingress ingress : service.external().ingress()) {
            if (ingress.mode() == IpMode.VIP) {
                all.add(place(ingress.ip(), ServiceAddresses.LOAD_BALANCER_IP, staysFromOutside, ready));
            }
        }
        return all;
    }

    private static ServicePlace place(
            IpAddress ip, ServiceAddresses kind, boolean stays, Map<IpFamily, Set<String>> ready) {
        return new ServicePlace(
                ip, kind, stays ? Optional.of(ready.getOrDefault(ip.family(), Set.of())) : Optional.empty());
    }

    /** The nodes with a ready endpoint of each family. */
    private static Map<IpFamily, Set<String>> readyNodes(Collection<EndpointSlice> slices) {
        Map<IpFamily, Set<String>> nodes = new EnumMap<>(IpFamily.class);
        for (EndpointSlice slice : slices) {
            for (EndpointSlice.Endpoint endpoint : slice.endpoints()) {
                if (endpoint.condition() == Condition.READY) {
                    endpoint.node()
                            .ifPresent(node -> slice.family()
                                    .ifPresent(family -> nodes.computeIfAbsent(family, _ -> new HashSet<>())
                                            .add(node)));
                }
            }
        }
        return nodes;
    }

    /** All addresses now. Services that share one may each have it in here, with their own nodes. */
    public Set<ServicePlace> all() {
        return claims.all();
    }
}
