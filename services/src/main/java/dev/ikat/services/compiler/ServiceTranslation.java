package dev.ikat.services.compiler;

import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.EndpointSlice.Condition;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.Target;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Turns one service and its endpoints into what it claims, for one node. */
final class ServiceTranslation {
    private final LocalNode node;
    private final ServiceSettings settings;
    private final Service service;
    private final Collection<EndpointSlice> slices;
    private final Map<Frontend, Claim> claims = new LinkedHashMap<>();
    /** In the family that has most. */
    private int localEndpoints;

    /**
     * What becomes of a service.
     *
     * @param claims by their frontends
     * @param healthCheck what a load balancer is told; empty if none asks
     */
    record Result(Map<Frontend, Claim> claims, Optional<HealthCheck> healthCheck) {
        /** A service that is not served. */
        static final Result NOTHING = new Result(Map.of(), Optional.empty());
    }

    private ServiceTranslation(
            LocalNode node, ServiceSettings settings, Service service, Collection<EndpointSlice> slices) {
        this.node = node;
        this.settings = settings;
        this.service = service;
        this.slices = slices;
    }

    /** @param slices all of the service, in a stable order */
    static Result translate(
            LocalNode node, ServiceSettings settings, Service service, Collection<EndpointSlice> slices) {
        if (service.type() == Service.Type.EXTERNAL_NAME || service.leftToOthers()) {
            return Result.NOTHING;
        }
        ServiceTranslation translation = new ServiceTranslation(node, settings, service, slices);
        // In a family in which it has no address of its own, no other address of it is served either.
        service.clusterIps().forEach(translation::family);
        return new Result(translation.claims, translation.healthCheck());
    }

    private void family(IpAddress clusterIp) {
        Set<IpAddress> local = new HashSet<>();
        for (Service.Port port : service.ports()) {
            PortEndpoints endpoints = PortEndpoints.of(port, clusterIp.family(), slices, node);
            endpoints.local(Condition.READY).stream().map(Backend::address).forEach(local::add);
            new PortTranslation(port, endpoints.cluster(), endpoints.local()).claim(clusterIp);
        }
        localEndpoints = Math.max(localEndpoints, local.size());
    }

    private Optional<HealthCheck> healthCheck() {
        int port = service.external().healthCheckNodePort();
        boolean asked = port != 0
                && !service.clusterIps().isEmpty()
                && service.type() == Service.Type.LOAD_BALANCER
                && isLocal(service.external().trafficPolicy());
        return asked
                ? Optional.of(new HealthCheck(service.namespace(), service.name(), port, localEndpoints))
                : Optional.empty();
    }

    private static boolean isLocal(TrafficPolicy policy) {
        return policy == TrafficPolicy.LOCAL;
    }

    /** One port in one address family, and where connections to it go. */
    private final class PortTranslation {
        private final Service.Port port;
        private final Target cluster;
        private final Target local;

        PortTranslation(Service.Port port, Target cluster, Target local) {
            this.port = port;
            this.cluster = cluster;
            this.local = local;
        }

        void claim(IpAddress clusterIp) {
            IpFamily family = clusterIp.family();
            Service.External external = service.external();
            Target internal = isLocal(service.internalTrafficPolicy()) ? local : cluster;
            add(clusterIp, port.port(), Kind.CLUSTER_IP, internal, internal, false, List.of());
            if (port.nodePort() != 0) {
                for (IpAddress address : node.nodePortAddresses()) {
                    if (address.family() == family) {
                        external(address, port.nodePort(), Kind.NODE_PORT);
                    }
                }
            }
            for (Service.Ingress ingress : external.ingress()) {
                if (ingress.mode() == IpMode.VIP && ingress.ip().family() == family) {
                    loadBalancer(ingress.ip());
                }
            }
            if (settings.externalIps()) {
                for (IpAddress address : external.ips()) {
                    if (address.family() == family) {
                        external(address, port.port(), Kind.EXTERNAL_IP);
                    }
                }
            }
        }

        private void loadBalancer(IpAddress address) {
            List<Cidr> ranges = service.external().sourceRanges();
            List<Cidr> ofFamily = ranges.stream()
                    .filter(range -> range.family() == address.family())
                    .distinct()
                    .sorted()
                    .toList();
            if (!ranges.isEmpty() && ofFamily.isEmpty()) {
                add(address, port.port(), Kind.LOAD_BALANCER, Target.DROP, Target.DROP, false, List.of());
            } else {
                boolean keeps = isLocal(service.external().trafficPolicy());
                add(address, port.port(), Kind.LOAD_BALANCER, cluster, keeps ? local : cluster, keeps, ofFamily);
            }
        }

        private void external(IpAddress address, int number, Kind kind) {
            boolean keeps = isLocal(service.external().trafficPolicy());
            add(address, number, kind, cluster, keeps ? local : cluster, keeps, List.of());
        }

        private void add(
                IpAddress address,
                int number,
                Kind kind,
                Target inside,
                Target outside,
                boolean keepsSource,
                List<Cidr> sources) {
            Frontend frontend = new Frontend(address, port.protocol(), number);
            FrontendProgram program = new FrontendProgram(
                    frontend,
                    new ServicePortName(service.namespace(), service.name(), port.name()),
                    kind,
                    inside,
                    outside,
                    keepsSource,
                    service.affinity(),
                    sources);
            Claim claim = new Claim(new ServiceName(service.namespace(), service.name()), service.created(), program);
            claims.merge(frontend, claim, (first, next) -> next.compareTo(first) < 0 ? next : first);
        }
    }
}
