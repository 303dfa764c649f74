package dev.ikat.services.compiler;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.EndpointSlice;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.ServiceCidr;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Compiles services for one node. It is incremental: a service, or one of its endpoints, costs what that service's
 * frontends cost; the node itself costs all services; other nodes cost nothing. Each change that it returns leads from
 * the {@link #program} before to that after. Not thread-safe.
 */
public final class ServiceCompiler {
    private final String nodeName;
    private final ServiceSettings settings;
    private final Map<ServiceName, ServiceRecord> services = new HashMap<>();
    private final Map<String, List<Cidr>> cidrsByName = new HashMap<>();
    private final SortedMap<ServiceName, HealthCheck> healthChecks = new TreeMap<>();
    private final FrontendBook book = new FrontendBook();
    /** What has to be translated anew. */
    private Set<ServiceName> touched = new HashSet<>();

    private Optional<Node> node = Optional.empty();
    private Set<IpAddress> hostAddresses = Set.of();
    private LocalNode localNode;
    private Set<Cidr> podCidrs = Set.of();
    private Set<Cidr> serviceCidrs = Set.of();

    /** Knows no objects yet. */
    public ServiceCompiler(String nodeName, ServiceSettings settings) {
        this.nodeName = nodeName;
        this.settings = settings;
        this.localNode = LocalNode.of(nodeName, Optional.empty(), Set.of(), settings);
    }

    /** Takes in what is different in the cluster, and returns what that changes. Objects of other kinds are ignored. */
    public ServiceChange apply(ClusterChange change) {
        change.removed().forEach(this::remove);
        for (ClusterChange.Update update : change.updated()) {
            if (update.before() instanceof EndpointSlice former
                    && update.after() instanceof EndpointSlice slice
                    && !former.service().equals(slice.service())) {
                remove(former);
            }
            put(update.after());
        }
        change.added().forEach(this::put);
        return compile();
    }

    /**
     * Takes in which addresses this node has besides its InternalIPs, and returns what that changes: those in
     * {@link ServiceSettings#nodePortAddresses} have node ports.
     */
    public ServiceChange host(Set<IpAddress> addresses) {
        hostAddresses = Set.copyOf(addresses);
        return compile();
    }

    private void put(ClusterObject object) {
        switch (object) {
            case Service service -> touch(service).become(Optional.of(service));
            case EndpointSlice slice -> touch(slice).put(slice);
            case ServiceCidr cidr -> cidrsByName.put(cidr.name(), cidr.cidrs());
            case Node one when one.name().equals(nodeName) -> node = Optional.of(one);
            default -> {
                // Nothing that services depend on.
            }
        }
    }

    private void remove(ClusterObject object) {
        switch (object) {
            case Service service -> touch(service).become(Optional.empty());
            case EndpointSlice slice -> touch(slice).remove(slice);
            case ServiceCidr cidr -> cidrsByName.remove(cidr.name());
            case Node one when one.name().equals(nodeName) -> node = Optional.empty();
            default -> {
                // Nothing that services depend on.
            }
        }
    }

    private ServiceRecord touch(Service service) {
        return touch(new ServiceName(service.namespace(), service.name()));
    }

    private ServiceRecord touch(EndpointSlice slice) {
        return touch(new ServiceName(slice.namespace(), slice.service()));
    }

    private ServiceRecord touch(ServiceName name) {
        touched.add(name);
        return services.computeIfAbsent(name, _ -> new ServiceRecord());
    }

    private ServiceChange compile() {
        LocalNode now = LocalNode.of(nodeName, node, hostAddresses, settings);
        if (!now.equals(localNode)) {
            localNode = now;
            touched.addAll(services.keySet());
        }
        touched.forEach(this::compile);
        // A set that was large once takes as long to clear for ever.
        touched = new HashSet<>();
        FrontendBook.Change frontends = book.takeChange();
        Set<Cidr> podCidrsBefore = podCidrs;
        Set<Cidr> serviceCidrsBefore = serviceCidrs;
        podCidrs = node.map(object -> Set.copyOf(object.podCidrs())).orElse(Set.of());
        serviceCidrs = cidrsByName.values().stream().flatMap(List::stream).collect(Collectors.toUnmodifiableSet());
        return new ServiceChange(
                frontends.changed(),
                frontends.removed(),
                Optional.of(podCidrs).filter(cidrs -> !cidrs.equals(podCidrsBefore)),
                Optional.of(serviceCidrs).filter(cidrs -> !cidrs.equals(serviceCidrsBefore)));
    }

    private void compile(ServiceName name) {
        ServiceRecord service = services.computeIfAbsent(name, _ -> new ServiceRecord());
        ServiceTranslation.Result before = service.result();
        ServiceTranslation.Result after = service.service()
                .map(object -> ServiceTranslation.translate(localNode, settings, object, service.slices()))
                .orElse(ServiceTranslation.Result.NOTHING);
        book.replace(before.claims(), after.claims());
        after.healthCheck().ifPresentOrElse(check -> healthChecks.put(name, check), () -> healthChecks.remove(name));
        service.become(after);
        if (service.isEmpty()) {
            services.remove(name);
        }
    }

    /** What this node does with connections to services now. */
    public ServiceProgram program() {
        return new ServiceProgram(book.programs(), podCidrs, serviceCidrs);
    }

    /** What load balancers are told that ask this node, in a stable order. */
    public List<HealthCheck> healthChecks() {
        return List.copyOf(healthChecks.values());
    }

    /** Whether the node is about to leave the cluster, so that it should get no more connections from outside. */
    public boolean isNodeLeaving() {
        return node.map(Node::leaving).orElse(false);
    }

    /** What in services has no effect on this node, in a stable order. */
    public List<ServiceFinding> findings() {
        List<ServiceFinding> findings = new ArrayList<>();
        book.findings(findings::add);
        if (!settings.externalIps()) {
            for (ServiceRecord each : services.values()) {
                each.service()
                        .filter(service -> !service.external().ips().isEmpty())
                        .ifPresent(service -> findings.add(new ServiceFinding(
                                service.key(), "spec.externalIPs", "are not served, as this node's settings say")));
            }
        }
        findings.sort(null);
        return findings;
    }
}
