package dev.ikat.bgp;

import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which addresses of services one node can announce. An address whose traffic has to stay on the node at which it
 * arrives is announced only by nodes that have a ready endpoint. A change costs what the services cost that it is
 * about. Not thread-safe.
 */
public final class ServiceRoutes {
    private final String nodeName;
    private final Map<Name, Known> services = new HashMap<>();
    private final Map<ServiceAddress, Integer> claims = new HashMap<>();

    /**
     * What a change has made different.
     *
     * @param come addresses that this node can announce now, and could not before
     * @param gone those that it can no longer announce
     */
    public record Difference(Set<ServiceAddress> come, Set<ServiceAddress> gone) {
        public Difference {
            come = Set.copyOf(come);
            gone = Set.copyOf(gone);
        }
    }

    /** The name of a service, or what a slice takes for one. */
    private record Name(String namespace, String name) {}

    /** What is known of a service. */
    private static final class Known {
        private Optional<Service> service = Optional.empty();
        private final Map<ObjectKey, EndpointSlice> slices = new HashMap<>();
        private Set<ServiceAddress> announced = Set.of();

        private boolean isNothing() {
            return service.isEmpty() && slices.isEmpty();
        }
    }

    /** Knows no objects yet. */
    public ServiceRoutes(String nodeName) {
        this.nodeName = nodeName;
    }

    /** Takes in what is different; objects of other kinds are ignored. */
    public Difference apply(ClusterChange change) {
        Set<Name> touched = new HashSet<>();
        change.removed().forEach(object -> remove(object, touched));
        for (ClusterChange.Update update : change.updated()) {
            remove(update.before(), touched);
            put(update.after(), touched);
        }
        change.added().forEach(object -> put(object, touched));
        Set<ServiceAddress> come = new HashSet<>();
        Set<ServiceAddress> gone = new HashSet<>();
        for (Name name : touched) {
            announce(name, come, gone);
        }
        return new Difference(come, gone);
    }

    private void put(ClusterObject object, Set<Name> touched) {
        switch (object) {
            case Service service ->
                known(new Name(service.namespace(), service.name()), touched).service = Optional.of(service);
            case EndpointSlice slice
            when !slice.service().isEmpty() ->
                known(ofSlice(slice), touched).slices.put(slice.key(), slice);
            default -> {
                // Nothing that is announced depends on it.
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
                // Nothing that is announced depends on it.
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

    private void announce(Name name, Set<ServiceAddress> come, Set<ServiceAddress> gone) {
        Known known = services.get(name);
        if (known == null) {
            return;
        }
        Set<ServiceAddress> now = known.service
                .map(service -> addresses(service, known.slices.values()))
                .orElse(Set.of());
        if (known.isNothing()) {
            services.remove(name);
        }
        known.announced.stream().filter(one -> !now.contains(one)).forEach(one -> release(one, come, gone));
        now.stream().filter(one -> !known.announced.contains(one)).forEach(one -> claim(one, come, gone));
        known.announced = now;
    }

    /** Several services may have one address, and it may go from one to another. */
    private void release(ServiceAddress address, Set<ServiceAddress> come, Set<ServiceAddress> gone) {
        boolean last = claims.computeIfPresent(address, (_, count) -> count == 1 ? null : count - 1) == null;
        if (last && !come.remove(address)) {
            gone.add(address);
        }
    }

    private void claim(ServiceAddress address, Set<ServiceAddress> come, Set<ServiceAddress> gone) {
        boolean first = claims.merge(address, 1, Integer::sum) == 1;
        if (first && !gone.remove(address)) {
            come.add(address);
        }
    }

    private Set<ServiceAddress> addresses(Service service, Collection<EndpointSlice> slices) {
        if (service.type() == Service.Type.EXTERNAL_NAME || service.leftToOthers()) {
            return Set.of();
        }
        Set<IpFamily> local = localFamilies(slices);
        Set<ServiceAddress> all = new HashSet<>();
        boolean stays = service.internalTrafficPolicy() == TrafficPolicy.LOCAL;
        for (IpAddress ip : service.clusterIps()) {
            add(ip, ServiceAddresses.CLUSTER_IP, stays, local, all);
        }
        boolean staysFromOutside = service.external().trafficPolicy() == TrafficPolicy.LOCAL;
        for (IpAddress ip : service.external().ips()) {
            add(ip, ServiceAddresses.EXTERNAL_IP, staysFromOutside, local, all);
        }
        for (Service.Ingress ingress : service.external().ingress()) {
            if (ingress.mode() == IpMode.VIP) {
                add(ingress.ip(), ServiceAddresses.LOAD_BALANCER_IP, staysFromOutside, local, all);
            }
        }
        return all;
    }

    private static void add(
            IpAddress ip, ServiceAddresses kind, boolean stays, Set<IpFamily> local, Set<ServiceAddress> all) {
        if (!stays || local.contains(ip.family())) {
            all.add(new ServiceAddress(ip, kind, !stays));
        }
    }

    /** The families in which this node has a ready endpoint. */
    private Set<IpFamily> localFamilies(Collection<EndpointSlice> slices) {
        Set<IpFamily> families = new HashSet<>();
        for (EndpointSlice slice : slices) {
            boolean here = slice.endpoints().stream()
                    .anyMatch(endpoint -> endpoint.condition() == Condition.READY
                            && endpoint.node().equals(Optional.of(nodeName)));
            if (here) {
                slice.family().ifPresent(families::add);
            }
        }
        return families;
    }

    /** What this node can announce now, in order. */
    public SortedSet<ServiceAddress> addresses() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(claims.keySet()));
    }
}
