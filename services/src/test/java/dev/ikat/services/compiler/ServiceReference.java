package dev.ikat.services.compiler;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.EndpointSlice.Endpoint;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Protocol;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.Target;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The program of a whole cluster, written down from the API's text as plainly as can be and without a thought for cost:
 * what the compiler is compared with.
 */
public final class ServiceReference {
    private final String nodeName;
    private final ServiceSettings settings;
    private final Set<IpAddress> hostAddresses;
    private final Collection<? extends ClusterObject> objects;
    private final Optional<Node> self;

    /** Of these objects, on the node of this name. */
    public ServiceReference(
            String nodeName,
            ServiceSettings settings,
            Set<IpAddress> hostAddresses,
            Collection<? extends ClusterObject> objects) {
        this.nodeName = nodeName;
        this.settings = settings;
        this.hostAddresses = hostAddresses;
        this.objects = objects;
        this.self = all(Node.class).stream()
                .filter(node -> node.name().equals(nodeName))
                .findAny();
    }

    private <T> List<T> all(Class<T> type) {
        return objects.stream().filter(type::isInstance).map(type::cast).toList();
    }

    /** The first of all that would have a frontend has it. */
    private record Wish(Service service, FrontendProgram program) {}

    /** What the node has to do with connections to services. */
    public ServiceProgram program() {
        List<Wish> wishes = new ArrayList<>();
        for (Service service : all(Service.class)) {
            if (service.type() != Service.Type.EXTERNAL_NAME && !service.leftToOthers()) {
                for (IpAddress clusterIp : service.clusterIps()) {
                    for (Service.Port port : service.ports()) {
                        addWishes(service, clusterIp, port, wishes);
                    }
                }
            }
        }
        List<Kind> trusted = List.of(Kind.CLUSTER_IP, Kind.NODE_PORT, Kind.LOAD_BALANCER, Kind.EXTERNAL_IP);
        wishes.sort(Comparator.comparingInt((Wish wish) -> trusted.indexOf(wish.program.kind()))
                .thenComparing(wish -> wish.service.created().isEmpty())
                .thenComparing(wish -> wish.service
                        .created()
                        .map(time -> time.getEpochSecond())
                        .orElse(0L))
                .thenComparing(wish -> wish.service.key()));
        Map<Frontend, FrontendProgram> frontends = new HashMap<>();
        wishes.forEach(wish -> frontends.putIfAbsent(wish.program.frontend(), wish.program));
        Set<Cidr> serviceCidrs = new HashSet<>();
        all(ServiceCidr.class).forEach(object -> serviceCidrs.addAll(object.cidrs()));
        return new ServiceProgram(
                frontends, self.map(node -> Set.copyOf(node.podCidrs())).orElse(Set.of()), serviceCidrs);
    }

    private void addWishes(Service service, IpAddress clusterIp, Service.Port port, List<Wish> wishes) {
        Map<Backend, Endpoint> endpoints = endpoints(service, clusterIp, port);
        Target anywhere = anywhere(endpoints);
        Target here = here(endpoints);
        boolean internalLocal = service.internalTrafficPolicy() == TrafficPolicy.LOCAL;
        boolean externalLocal = service.external().trafficPolicy() == TrafficPolicy.LOCAL;
        Target internal = internalLocal ? here : anywhere;
        Target outside = externalLocal ? here : anywhere;

        wishes.add(wish(service, port, Kind.CLUSTER_IP, clusterIp, port.port(), internal, internal, false, List.of()));
        Predicate<IpAddress> sameFamily = address -> address.family() == clusterIp.family();
        if (port.nodePort() > 0) {
            nodePortAddresses().stream()
                    .filter(sameFamily)
                    .forEach(address -> wishes.add(wish(
                            service,
                            port,
                            Kind.NODE_PORT,
                            address,
                            port.nodePort(),
                            anywhere,
                            outside,
                            externalLocal,
                            List.of())));
        }
        List<Cidr> ranges = service.external().sourceRanges();
        List<Cidr> ofFamily = ranges.stream()
                .filter(range -> range.family() == clusterIp.family())
                .distinct()
                .sorted()
                .toList();
        boolean nobody = !ranges.isEmpty() && ofFamily.isEmpty();
        service.external().ingress().stream()
                .filter(ingress -> ingress.mode() == Service.IpMode.VIP)
                .map(Service.Ingress::ip)
                .filter(sameFamily)
                .forEach(address -> wishes.add(wish(
                        service,
                        port,
                        Kind.LOAD_BALANCER,
                        address,
                        port.port(),
                        nobody ? Target.DROP : anywhere,
                        nobody ? Target.DROP : outside,
                        !nobody && externalLocal,
                        ofFamily)));
        service.external().ips().stream()
                .filter(_ -> settings.externalIps())
                .filter(sameFamily)
                .forEach(address -> wishes.add(wish(
                        service,
                        port,
                        Kind.EXTERNAL_IP,
                        address,
                        port.port(),
                        anywhere,
                        outside,
                        externalLocal,
                        List.of())));
    }

    private static Wish wish(
            Service service,
            Service.Port port,
            Kind kind,
            IpAddress address,
            int number,
            Target inside,
            Target outside,
            boolean keepsSource,
            List<Cidr> sources) {
        Protocol protocol = port.protocol();
        return new Wish(
                service,
                new FrontendProgram(
                        new Frontend(address, protocol, number),
                        new ServicePortName(service.namespace(), service.name(), port.name()),
                        kind,
                        inside,
                        outside,
                        keepsSource,
                        service.affinity(),
                        sources));
    }

    private Set<IpAddress> nodePortAddresses() {
        Set<IpAddress> internal = new HashSet<>();
        self.ifPresent(node -> internal.addAll(node.internalIps()));
        if (settings.nodePortAddresses().isEmpty()) {
            return internal;
        }
        internal.addAll(hostAddresses);
        internal.removeIf(address -> settings.nodePortAddresses().stream().noneMatch(block -> block.contains(address)));
        return internal;
    }

    /** Each once; of what several slices say of one, the best. */
    private Map<Backend, Endpoint> endpoints(Service service, IpAddress clusterIp, Service.Port port) {
        Map<Backend, Endpoint> best = new HashMap<>();
        List<EndpointSlice> slices = new ArrayList<>(all(EndpointSlice.class));
        slices.sort(Comparator.comparing(EndpointSlice::name));
        for (Condition condition : Condition.values()) {
            for (boolean local : new boolean[] {true, false}) {
                for (EndpointSlice slice : slices) {
                    boolean its = slice.namespace().equals(service.namespace())
                            && slice.service().equals(service.name())
                            && slice.family().equals(Optional.of(clusterIp.family()));
                    for (EndpointSlice.Port target : its ? slice.ports() : List.<EndpointSlice.Port>of()) {
                        if (target.name().equals(port.name()) && target.protocol() == port.protocol()) {
                            slice.endpoints().stream()
                                    .filter(endpoint -> endpoint.condition() == condition && isLocal(endpoint) == local)
                                    .forEach(endpoint ->
                                            best.putIfAbsent(new Backend(endpoint.address(), target.port()), endpoint));
                        }
                    }
                }
            }
        }
        return best;
    }

    private boolean isLocal(Endpoint endpoint) {
        return endpoint.node().equals(Optional.of(nodeName));
    }

    private static List<Backend> those(Map<Backend, Endpoint> endpoints, Predicate<Endpoint> predicate) {
        return endpoints.entrySet().stream()
                .filter(entry -> predicate.test(entry.getValue()))
                .map(Map.Entry::getKey)
                .toList();
    }

    private Target anywhere(Map<Backend, Endpoint> endpoints) {
        Predicate<Endpoint> isReady = endpoint -> endpoint.condition() == Condition.READY;
        List<Backend> ready = those(endpoints, isReady);
        if (ready.isEmpty()) {
            List<Backend> draining = those(endpoints, endpoint -> endpoint.condition() == Condition.DRAINING);
            return draining.isEmpty() ? Target.REJECT : new Target.Balance(draining);
        }
        boolean allForNodes = those(
                        endpoints,
                        isReady.and(endpoint -> endpoint.hints().nodes().isEmpty()))
                .isEmpty();
        List<Backend> forThisNode = those(
                endpoints, isReady.and(endpoint -> endpoint.hints().nodes().contains(nodeName)));
        if (allForNodes && !forThisNode.isEmpty()) {
            return new Target.Balance(forThisNode);
        }
        String zone = self.map(node -> node.labels().values().getOrDefault("topology.kubernetes.io/zone", ""))
                .orElse("");
        boolean allForZones = those(
                        endpoints,
                        isReady.and(endpoint -> endpoint.hints().zones().isEmpty()))
                .isEmpty();
        List<Backend> forThisZone = those(
                endpoints, isReady.and(endpoint -> endpoint.hints().zones().contains(zone)));
        return new Target.Balance(allForZones && !forThisZone.isEmpty() ? forThisZone : ready);
    }

    private Target here(Map<Backend, Endpoint> endpoints) {
        for (Condition condition : List.of(Condition.READY, Condition.DRAINING)) {
            List<Backend> local = those(endpoints, endpoint -> endpoint.condition() == condition && isLocal(endpoint));
            if (!local.isEmpty()) {
                return new Target.Balance(local);
            }
        }
        return those(endpoints, endpoint -> endpoint.condition() != Condition.UNAVAILABLE)
                        .isEmpty()
                ? Target.REJECT
                : Target.DROP;
    }
}
