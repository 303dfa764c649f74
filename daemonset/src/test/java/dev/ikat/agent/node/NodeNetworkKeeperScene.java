package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.FakeCluster;
import dev.ikat.agent.FakeParameters;
import dev.ikat.agent.TestOptions;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.ReconcileLoop.Reconciliation;
import dev.ikat.backendtests.FakeDataplane;
import dev.ikat.backendtests.FakeKernel;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.dataplane.Capability;
import dev.ikat.ipam.Lease;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.VethSpec;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A node whose network is kept, on a kernel in memory. */
abstract class NodeNetworkKeeperScene {
    static final Node SELF = node("a", "192.168.0.1", "10.244.1.0/24");
    static final Node PEER = node("b", "192.168.0.2", "10.244.2.0/24");

    final FakeNetlink netlink = new FakeNetlink();
    final FakeParameters parameters = new FakeParameters().with("net/ipv4/ip_forward", "0");
    final FakeCluster cluster = new FakeCluster();
    final FakeKernel kernel = new FakeKernel();
    final FakeDataplane nftables = new FakeDataplane(kernel, "nftables").watched();
    final FakeDataplane iptables = new FakeDataplane(kernel, "iptables");
    final FakeDataplane ebpf = new FakeDataplane(kernel, "ebpf", EnumSet.of(Capability.POLICY));
    final Dataplanes dataplanes = new Dataplanes(
            Map.of(Backend.NFTABLES, nftables, Backend.IPTABLES, iptables, Backend.EBPF, ebpf), Backend.NFTABLES);
    final AgentPodNetwork network =
            new AgentPodNetwork(new Readiness(), Optional.empty(), InstantSource.system(), Instant.EPOCH);
    final NodeFaults faults = new NodeFaults();
    final List<Lease> leases = new ArrayList<>();
    final AtomicLong nanos = new AtomicLong();
    final Map<Part, Reconciliation> parts = new EnumMap<>(Part.class);

    @TempDir
    Path runDirectory;

    NodeNetworkKeeper keeper;

    static Node node(String name, String address, String... podCidrs) {
        return new Node(
                name,
                Labels.NONE,
                Stream.of(podCidrs).map(Cidr::parse).toList(),
                address.isEmpty() ? List.of() : List.of(IpAddress.parse(address)));
    }

    @BeforeEach
    void start() {
        InterfaceName uplink = new InterfaceName("eth0");
        netlink.execute(
                Requests.create(VethSpec.of(uplink, new InterfaceName("far"))),
                Requests.change(LinkChange.of(uplink).up()));
        int index = netlink.link(uplink).orElseThrow().index();
        netlink.execute(Requests.add(Address.of(index, InterfaceAddress.parse("192.168.0.1/24"))));
        keep("--overlay=direct");
    }

    final void keep(String... arguments) {
        String[] all = Stream.concat(Stream.of("--run-dir=" + runDirectory), Stream.of(arguments))
                .toArray(String[]::new);
        keeper = new NodeNetworkKeeper(
                TestOptions.of(all),
                cluster,
                network,
                netlink,
                parameters,
                dataplanes,
                faults,
                () -> leases,
                nanos::get);
        parts.clear();
        keeper.register(parts::put);
    }

    int run(Part part) {
        return Objects.requireNonNull(parts.get(part)).run();
    }

    /** The node is known, and what it is known by. */
    void known() {
        cluster.with(SELF, PEER);
        run(Part.NODE);
    }

    void assertNotYet(Part part, String reason) {
        assertThatThrownBy(() -> run(part)).isInstanceOf(NotYetException.class).hasMessageContaining(reason);
    }

    Set<String> routes() {
        Set<String> routes = new TreeSet<>();
        netlink.routes(IpFamily.IPV4, RouteFilter.ALL.protocol(RouteProtocol.IKAT))
                .forEach(route -> routes.add(route.destination()
                        + route.gateway().map(via -> " via " + via).orElse("")));
        return routes;
    }
}
