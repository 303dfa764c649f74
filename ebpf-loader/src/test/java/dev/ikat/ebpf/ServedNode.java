package dev.ikat.ebpf;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.backendtests.Witness;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.service.Surroundings;
import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * One of two nodes with an overlay between them, on a link on which clients are too. Its pods are witnesses, numbered
 * by the node's number and their own: 11 and 12 are those of the first.
 */
final class ServedNode implements AutoCloseable {
    static final int PODS = 2;
    private static final InterfaceName UPLINK = new InterfaceName("up0");

    private final int number;
    private final RoutedNode node = new RoutedNode();
    private final Map<Integer, TestNamespace> pods = new HashMap<>();
    private final List<Witness> servers = new ArrayList<>();
    private final NetworkNamespace namespace;
    private final NftablesDataplane nftables = new NftablesDataplane(false, OptionalInt.empty());
    private final EbpfDataplane ebpf;
    private EbpfBackend policies;
    private ServiceBackend services;

    /** @param link a namespace with a bridge br0, which is the nodes' link */
    ServedNode(int number, TestNamespace link, EbpfSettings settings, boolean direct) {
        this.number = number;
        attach(node.namespace(), link, "port" + number);
        wire(number, 3 - number);
        for (int pod = 1; pod <= PODS; pod++) {
            Endpoint endpoint = endpoint(number * 10 + pod);
            TestNamespace made = node.addPod(endpoint);
            made.ip("link", "set", "eth0", "mtu", "1450");
            node.namespace().ip("link", "set", endpoint.hostInterface().value(), "mtu", "1450");
            pods.put(number * 10 + pod, made);
            servers.add(new Witness(made, number * 10 + pod));
        }
        namespace = NetworkNamespace.open(node.namespace().path());
        InNamespace.call(node.namespace().path(), nftables::missing);
        Set<IpAddress> nodes = Set.of(
                address(1, IpFamily.IPV4),
                address(1, IpFamily.IPV6),
                address(2, IpFamily.IPV4),
                address(2, IpFamily.IPV6));
        Surroundings around =
                new Surroundings(UPLINK, Set.of(address(number, IpFamily.IPV4), address(number, IpFamily.IPV6)), nodes);
        ebpf = new EbpfDataplane(
                namespace,
                settings,
                Optional.empty(),
                Optional.empty(),
                new Outside(direct, () -> Optional.of(around)),
                nftables);
        policies = (EbpfBackend) ebpf.policy();
        services = ebpf.services();
        protect(nodes);
        policies.replace(open());
    }

    /** Has nftables do what it does on every node: it must not be in the way. */
    private void protect(Set<IpAddress> nodes) {
        Set<Cidr> own = blocks(number);
        Set<Cidr> others = blocks(3 - number);
        Set<Cidr> all = new HashSet<>(own);
        all.addAll(others);
        nftables.guard()
                .reconcile(new GuardState(
                        Optional.of(new GuardState.Tunnel(8472, 4796)),
                        Set.of(new GuardState.Peer(
                                Set.of(address(3 - number, IpFamily.IPV4), address(3 - number, IpFamily.IPV6)),
                                others,
                                Set.of())),
                        nodes,
                        own,
                        Set.of(address(number, IpFamily.IPV4), address(number, IpFamily.IPV6)),
                        UPLINK,
                        true));
        nftables.masquerading().reconcile(new MasqueradeState(own, all, false));
    }

    /** Attaches a namespace to the bridge of another. */
    static void attach(TestNamespace end, TestNamespace link, String port) {
        // A router asks for neighbours from its link-local address, which is to be there at once.
        end.sysctl("net.ipv6.conf.default.accept_dad", "0");
        end.ip("link", "add", UPLINK.value(), "type", "veth", "peer", "name", port, "netns", link.name());
        link.ip("link", "set", port, "master", "br0", "up");
        end.ip("link", "set", UPLINK.value(), "up");
    }

    /** The address of the node with this number, or of a client with another. */
    static IpAddress address(int number, IpFamily family) {
        return IpAddress.parse((family == IpFamily.IPV4 ? "192.0.2." : "2001:db8:2::") + number);
    }

    private void wire(int own, int other) {
        TestNamespace host = node.namespace();
        host.ip("link", "set", "lo", "up");
        OtherNode.join(host, own, other);
        host.ip("addr", "add", address(own, IpFamily.IPV6) + "/64", "dev", UPLINK.value(), "nodad");
        host.ip("addr", "add", "fd00:10:244:" + own + "::/128", "dev", "ikat-vxlan", "nodad");
    }

    /** The endpoint of a pod of any node. */
    static Endpoint endpoint(int pod) {
        return new Endpoint(
                new Attachment(new ContainerId("c" + pod), new InterfaceName("eth0")),
                new InterfaceName("ik%011x".formatted(pod)),
                List.of(podAddress(pod, IpFamily.IPV4), podAddress(pod, IpFamily.IPV6)),
                Optional.of(new ObjectKey(ObjectKind.POD, "shop", "pod-" + pod)));
    }

    static IpAddress podAddress(int pod, IpFamily family) {
        return IpAddress.parse(
                (family == IpFamily.IPV4 ? "10.244.%d.%d" : "fd00:10:244:%d::%d").formatted(pod / 10, pod % 10));
    }

    private static Set<Cidr> blocks(int number) {
        return Set.of(Cidr.parse("10.244." + number + ".0/24"), Cidr.parse("fd00:10:244:" + number + "::/64"));
    }

    Set<Cidr> podCidrs() {
        return blocks(number);
    }

    /** All pods of the node, of which each may do everything. */
    PolicyProgram open() {
        Map<InterfaceName, PodProgram> all = new HashMap<>();
        IntStream.rangeClosed(1, PODS)
                .mapToObj(pod -> endpoint(number * 10 + pod))
                .forEach(pod -> all.put(
                        pod.hostInterface(), new PodProgram(pod, DirectionProgram.OPEN, DirectionProgram.OPEN)));
        return new PolicyProgram(Map.of(), all);
    }

    TestNamespace namespace() {
        return node.namespace();
    }

    TestNamespace pod(int pod) {
        return Optional.ofNullable(pods.get(pod)).orElseThrow();
    }

    EbpfBackend policies() {
        return policies;
    }

    ServiceBackend services() {
        return services;
    }

    NftablesDataplane nftables() {
        return nftables;
    }

    /** Waits until the programs are at the uplink and at all pods. */
    void awaitPrograms() {
        Await.until(
                Duration.ofSeconds(10),
                () -> "%d pods have their connections translated, and those from outside: %s"
                        .formatted(policies.translated(), policies.isAtUplink()),
                () -> policies.translated() == PODS && policies.isAtUplink() && policies.reachesOverlay());
    }

    /** Ends as the agent does, and another begins. */
    void restart() {
        services.close();
        policies.close();
        policies = (EbpfBackend) ebpf.policy();
        services = ebpf.services();
        policies.replace(open());
    }

    @Override
    public void close() {
        services.remove();
        services.close();
        policies.remove();
        policies.close();
        nftables.close();
        servers.forEach(Witness::close);
        namespace.close();
        node.close();
    }
}
