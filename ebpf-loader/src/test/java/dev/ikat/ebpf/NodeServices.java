package dev.ikat.ebpf;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.ebpf.service.EbpfServices;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.service.Surroundings;
import dev.ikat.ebpf.service.Translations;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Services of a test's node in eBPF, with policies in force and nftables beneath. */
final class NodeServices implements ServiceBackend {
    private static final int PODS = 4;

    /** Who is outside of the node of a scene of services, and the node's own addresses there. */
    private static final Set<IpAddress> OUTSIDE = Set.of(IpAddress.parse("172.31.9.2"), IpAddress.parse("fd31:9::2"));

    private static final Set<IpAddress> OWN = Set.of(IpAddress.parse("172.31.9.1"), IpAddress.parse("fd31:9::1"));

    private static final Surroundings SCENE = new Surroundings(new InterfaceName("out0"), OWN, OWN);

    private final NodeBackend policies;
    private final boolean atUplink;
    private final NetworkNamespace namespace;
    private final NftablesDataplane nftables = new NftablesDataplane(false, OptionalInt.empty());
    private final EbpfServices services;

    NodeServices(TestNamespace node, EbpfSettings settings) {
        this(node, settings, OwnControlGroup.path());
    }

    /**
     * On the node of a scene of services, where connections from outside are served, too.
     *
     * @param direct whether by direct return
     */
    static NodeServices ofScene(TestNamespace node, boolean direct) {
        return new NodeServices(
                node, EbpfSettings.USUAL, OwnControlGroup.path(), new Outside(direct, () -> Optional.of(SCENE)));
    }

    /** @param group of the node's own sockets; empty if these are left to nftables */
    NodeServices(TestNamespace node, EbpfSettings settings, Optional<Path> group) {
        this(node, settings, group, Outside.LEFT);
    }

    /** @param outside how connections from outside are served */
    NodeServices(TestNamespace node, EbpfSettings settings, Optional<Path> group, Outside outside) {
        policies = new NodeBackend(node, settings, outside::uplink);
        atUplink = outside.uplink().isPresent();
        namespace = NetworkNamespace.open(node.path());
        InNamespace.call(node.path(), nftables::missing);
        policies.replace(open());
        services = new EbpfServices(
                namespace,
                settings::limit,
                group.map(own -> new EbpfServices.Sockets(own, settings.flowLimit())),
                outside,
                nftables,
                new EbpfServices.Programs() {
                    @Override
                    public void follow() {
                        policies.backend().followServices();
                    }

                    @Override
                    public void leaveTranslated() {
                        policies.backend().leaveTranslated();
                    }
                });
        policies.backend().beforeTranslating(services::takeOverClients);
        policies.backend().aroundHandOver(services::handOverClients);
    }

    /** All pods, of which each may do everything. */
    static PolicyProgram open() {
        return new PolicyProgram(
                Map.of(),
                IntStream.rangeClosed(1, PODS)
                        .mapToObj(RoutedNode::endpoint)
                        .map(pod -> new PodProgram(pod, DirectionProgram.OPEN, DirectionProgram.OPEN))
                        .collect(Collectors.toMap(pod -> pod.endpoint().hostInterface(), pod -> pod)));
    }

    PolicyBackend policies() {
        return policies;
    }

    EbpfBackend backend() {
        return policies.backend();
    }

    @Override
    public void replace(ServiceProgram program, Collection<StickyClient> clients) {
        services.replace(program, clients);
        awaitTranslation();
    }

    /** Programs are attached when it is quiet. */
    void awaitTranslation() {
        Await.until(
                Duration.ofSeconds(10),
                () -> "only %d pods have their connections translated"
                        .formatted(backend().translated()),
                () -> backend().translated() == PODS && backend().isAtUplink() == atUplink);
    }

    @Override
    public void apply(ServiceChange change) {
        services.apply(change);
    }

    @Override
    public void adopt(Collection<StickyClient> clients) {
        services.adopt(clients);
    }

    /** Deletes every open connection, also those to services. */
    void forgetConnections() {
        policies.backend().forgetConnections();
        Set<IpAddress> ends = IntStream.rangeClosed(1, PODS)
                .mapToObj(RoutedNode::endpoint)
                .flatMap(pod -> pod.addresses().stream())
                .collect(Collectors.toCollection(HashSet::new));
        ends.addAll(OUTSIDE);
        Translations.forget(new Pins(namespace), ends);
    }

    List<StickyClient> stickyClients(ServiceProgram program) {
        List<StickyClient> clients = new ArrayList<>(nftables.stickyClients(program));
        clients.addAll(EbpfServices.stickyClients(namespace, program));
        return StickyClient.latest(clients);
    }

    @Override
    public List<String> audit(ServiceProgram program) {
        return services.audit(program);
    }

    @Override
    public boolean isUntouched() {
        return services.isUntouched();
    }

    @Override
    public void remove() {
        services.remove();
    }

    @Override
    public void removeOwn() {
        services.removeOwn();
    }

    @Override
    public List<String> remarks() {
        return services.remarks();
    }

    Optional<Double> fill(String map) {
        return Optional.ofNullable(services.fill().get(map));
    }

    /** Ends as the agent does: what is in the kernel stays. */
    void leave() {
        services.close();
        policies.leave();
        nftables.close();
        namespace.close();
    }

    @Override
    public void close() {
        services.close();
        policies.close();
        nftables.close();
        EbpfServices.remove(namespace, new EbpfServices.Programs() {
            @Override
            public void follow() {}

            @Override
            public void leaveTranslated() {}
        });
        namespace.close();
    }
}
