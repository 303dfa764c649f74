package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.dataplane.DropCause;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.NetfilterLog;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A node with a server, a client that stays allowed, and one that a policy shuts out. */
@RequiresRoot
@RequiresProgram("nft")
class CutsAndDropsTest {
    private static final int GROUP = 4796;
    private static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
    private static final SetId CLIENTS = new SetId("sclients");
    private static final int SERVER = 1;
    private static final int FRIEND = 2;
    private static final int STRANGER = 3;

    private final List<AutoCloseable> parts = new ArrayList<>();
    private final List<NetworkNamespace> pods = new ArrayList<>();
    private final List<TestNamespace> podTests = new ArrayList<>();
    private TestNamespace node;
    private NetworkNamespace nodeNamespace;
    private NftablesBackend backend;
    private ConnectionCutter cutter;

    @BeforeEach
    void make() {
        node = keep(TestNamespace.create());
        nodeNamespace = keep(NetworkNamespace.open(node.path()));
        node.sysctl("net.ipv4.ip_forward", "1");
        node.sysctl("net.ipv6.conf.all.forwarding", "1");
        for (int number : List.of(SERVER, FRIEND, STRANGER)) {
            pod(number);
        }
        NftablesTable table = keep(nodeNamespace.call(() -> NftablesTable.open(true)));
        backend = new NftablesBackend(table, OptionalInt.of(GROUP));
        cutter =
                keep(new ConnectionCutter(Conntrack.open(nodeNamespace), () -> Set.of(IpAddress.parse("169.254.1.1"))));
        backend.replace(program(DirectionProgram.OPEN));
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    @Test
    void deniedTcpConnectionEndsAlsoWhereTheServerSpeaksFirstAndAllowedOnesGoOn() throws Exception {
        for (boolean v6 : new boolean[] {false, true}) {
            backend.replace(program(DirectionProgram.OPEN));
            try (ServerSocket listener = in(SERVER, () -> listener(address(SERVER, v6)));
                    Socket friend = in(FRIEND, () -> connect(address(SERVER, v6)));
                    Socket friendServed = accept(listener);
                    Socket stranger = in(STRANGER, () -> connect(address(SERVER, v6)));
                    Socket strangerServed = accept(listener)) {
                exchange(friendServed, friend);
                exchange(strangerServed, stranger);

                assertThat(isolateServer()).isPositive();

                exchange(friendServed, friend);
                exchange(friend, friendServed);
                assertEnds(strangerServed);
                assertEnds(stranger);
            }
        }
    }

    @Test
    void withoutACutAnOpenConnectionGoesOn() throws Exception {
        try (ServerSocket listener = in(SERVER, () -> listener(address(SERVER, false)));
                Socket stranger = in(STRANGER, () -> connect(address(SERVER, false)));
                Socket served = accept(listener)) {
            exchange(served, stranger);

            backend.replace(program(isolated()));

            exchange(served, stranger);
        }
    }

    @Test
    void deniedUdpFlowEndsAlsoWhereTheServerSpeaksFirst() throws Exception {
        for (boolean v6 : new boolean[] {false, true}) {
            backend.replace(program(DirectionProgram.OPEN));
            try (DatagramSocket server = in(SERVER, () -> datagrams(address(SERVER, v6), 80));
                    DatagramSocket friend = in(FRIEND, () -> datagrams(address(FRIEND, v6), 1234));
                    DatagramSocket stranger = in(STRANGER, () -> datagrams(address(STRANGER, v6), 1234))) {
                for (DatagramSocket client : List.of(friend, stranger)) {
                    assertThat(passes(client, server)).isTrue();
                    assertThat(passes(server, client)).isTrue();
                }

                assertThat(isolateServer()).isEqualTo(1);

                assertThat(passes(friend, server)).isTrue();
                assertThat(passes(stranger, server)).isFalse();
                // What the server sends is a flow of its own now, which its egress allows; no answer to the old one.
                assertThat(passes(server, friend)).isTrue();
            }
        }
    }

    @Test
    void whoLeavesASetIsCut() throws Exception {
        PolicyProgram before = program(isolated(), FRIEND, STRANGER);
        backend.replace(before);
        try (ServerSocket listener = in(SERVER, () -> listener(address(SERVER, false)));
                Socket friend = in(FRIEND, () -> connect(address(SERVER, false)));
                Socket friendServed = accept(listener);
                Socket stranger = in(STRANGER, () -> connect(address(SERVER, false)));
                Socket strangerServed = accept(listener)) {
            exchange(stranger, strangerServed);

            PolicyChange change = new PolicyChange(
                    List.of(),
                    Map.of(CLIENTS, new PolicyChange.Members(Set.of(), members(STRANGER))),
                    List.of(),
                    List.of(),
                    Set.of());
            backend.apply(change);
            assertThat(cutter.cut(ConnectionCutter.ends(change), new Evaluator(program(isolated(), FRIEND))))
                    .isEqualTo(1);

            exchange(friend, friendServed);
            assertEnds(stranger);
            assertEnds(strangerServed);
        }
    }

    @Test
    void connectionsOfTheNodeItselfAreNotPolicysBusiness() throws Exception {
        try (ServerSocket listener = in(SERVER, () -> listener(address(SERVER, false)));
                Socket probe = nodeNamespace.call(() -> unchecked(() -> connect(address(SERVER, false))));
                Socket served = accept(listener)) {
            exchange(probe, served);
            backend.replace(program(isolated()));

            assertThat(cutter.cutAll(new Evaluator(program(isolated())))).isZero();

            exchange(served, probe);
        }
    }

    @Test
    void dropsNamePodPeerPortAndPolicy() throws Exception {
        PolicyProgram program = program(isolated(), FRIEND);
        backend.replace(program);
        Evaluator evaluator = new Evaluator(program);
        PrometheusRegistry registry = new PrometheusRegistry();
        DropReader reader = new DropReader(
                nodeNamespace.call(() -> NetfilterLog.open(GROUP)),
                evaluator,
                _ -> Optional.empty(),
                registry,
                Clock.systemUTC());
        try (reader) {
            int _ = Probe.check(
                            List.of(
                                    Probe.Target.tcp(podTests.get(STRANGER - 1), address(SERVER, false), 80),
                                    Probe.Target.udp(podTests.get(STRANGER - 1), address(SERVER, true), 53)),
                            Duration.ofMillis(400))
                    .size();
            Await.until(
                    Duration.ofSeconds(5),
                    () -> "two drops, not " + reader.recent(),
                    () -> ports(reader).size() >= 2);

            assertThat(ports(reader)).containsExactlyInAnyOrder(80, 53);
            assertThat(reader.recent()).allSatisfy(drop -> {
                assertThat(drop.cause()).isEqualTo(DropCause.INGRESS);
                assertThat(drop.pod()).contains(podKey(SERVER));
                assertThat(drop.peerPod()).contains(podKey(STRANGER));
                assertThat(drop.policies()).containsExactly(POLICY);
            });
            assertThat(reader.recent())
                    .anySatisfy(drop -> assertThat(drop.pairs())
                            .containsExactly(
                                    Map.entry("drop", "ingress"),
                                    Map.entry("pod", "shop/pod-1"),
                                    Map.entry("peer", "10.244.1.3 (shop/pod-3)"),
                                    Map.entry("protocol", "TCP/80"),
                                    Map.entry("policies", "shop/web")));
        }
        // Closed: a packet that is sent again would be counted between the two looks.
        CounterSnapshot drops = registry.scrape().stream()
                .filter(metric -> metric.getMetadata().getName().equals("ikat_policy_drops"))
                .map(CounterSnapshot.class::cast)
                .findFirst()
                .orElseThrow();
        assertThat(drops.getDataPoints())
                .singleElement()
                .satisfies(point ->
                        assertThat(point.getValue()).isEqualTo(reader.recent().size()));
    }

    private static Set<Integer> ports(DropReader reader) {
        return reader.recent().stream()
                .map(drop -> drop.flow().destinationPort())
                .collect(java.util.stream.Collectors.toSet());
    }

    /** Lets only the friend reach the server, and cuts; returns how many connections that ended. */
    private int isolateServer() {
        PolicyProgram program = program(isolated(), FRIEND);
        backend.replace(program);
        PolicyChange change = new PolicyChange(
                List.copyOf(program.sets().values()),
                Map.of(),
                List.of(program.pods().get(hostInterface(SERVER))),
                List.of(),
                Set.of());
        return cutter.cut(ConnectionCutter.ends(change), new Evaluator(program));
    }

    private static DirectionProgram isolated() {
        CompiledRule rule = new CompiledRule(
                new RuleId(POLICY, Direction.INGRESS, 0),
                Action.ACCEPT,
                List.of(new PeerMatch.InSet(CLIENTS)),
                List.of());
        return new DirectionProgram(
                List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(rule), Action.DENY, List.of(POLICY))));
    }

    private static PolicyProgram program(DirectionProgram ingress, int... clients) {
        Map<SetId, AddressSet> sets = ingress.isOpen()
                ? Map.of()
                : Map.of(
                        CLIENTS,
                        new AddressSet(CLIENTS, AddressSet.Form.ADDRESSES, "pods app=client", members(clients)));
        return new PolicyProgram(
                sets,
                Map.of(
                        hostInterface(SERVER),
                        new PodProgram(endpoint(SERVER), ingress, DirectionProgram.OPEN),
                        hostInterface(FRIEND),
                        new PodProgram(endpoint(FRIEND), DirectionProgram.OPEN, DirectionProgram.OPEN),
                        hostInterface(STRANGER),
                        new PodProgram(endpoint(STRANGER), DirectionProgram.OPEN, DirectionProgram.OPEN)));
    }

    private static Set<SetMember> members(int... numbers) {
        Set<SetMember> members = new java.util.HashSet<>();
        for (int number : numbers) {
            members.add(new SetMember.AddressMember(address(number, false)));
            members.add(new SetMember.AddressMember(address(number, true)));
        }
        return members;
    }

    private static ObjectKey podKey(int number) {
        return new ObjectKey(ObjectKind.POD, "shop", "pod-" + number);
    }

    private static Endpoint endpoint(int number) {
        return new Endpoint(
                new Attachment(new ContainerId("c" + number), new InterfaceName("eth0")),
                hostInterface(number),
                List.of(address(number, false), address(number, true)),
                Optional.of(podKey(number)));
    }

    private static InterfaceName hostInterface(int number) {
        return new InterfaceName("ik0000000000" + number);
    }

    private static IpAddress address(int number, boolean v6) {
        return IpAddress.parse((v6 ? "fd00:10:244:1::" : "10.244.1.") + number);
    }

    private void pod(int number) {
        TestNamespace pod = keep(TestNamespace.create());
        String host = hostInterface(number).value();
        node.ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", pod.name());
        node.ip("link", "set", host, "address", "ee:ee:ee:ee:ee:ee", "addrgenmode", "none", "up");
        node.ip("addr", "add", "169.254.1.1/32", "dev", host);
        node.ip("addr", "add", "fe80::1/64", "dev", host, "nodad");
        pod.ip("addr", "add", address(number, false) + "/32", "dev", "eth0");
        pod.ip("addr", "add", address(number, true) + "/128", "dev", "eth0", "nodad");
        pod.ip("link", "set", "eth0", "up");
        pod.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink");
        pod.ip("route", "add", "default", "via", "fe80::1", "dev", "eth0");
        node.ip("route", "add", address(number, false) + "/32", "dev", host);
        node.ip("route", "add", address(number, true) + "/128", "dev", host);
        podTests.add(pod);
        pods.add(keep(NetworkNamespace.open(pod.path())));
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }

    private <T> T in(int number, Callable<T> action) {
        return pods.get(number - 1).call(() -> unchecked(action));
    }

    private static <T> T unchecked(Callable<T> action) {
        try {
            return action.call();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static ServerSocket listener(IpAddress address) throws IOException {
        ServerSocket listener = new ServerSocket();
        listener.setReuseAddress(true);
        listener.setSoTimeout(3000);
        listener.bind(new InetSocketAddress(address.toInetAddress(), 80));
        return listener;
    }

    private static Socket connect(IpAddress address) throws IOException {
        Socket socket = new Socket();
        socket.setSoTimeout(3000);
        socket.connect(new InetSocketAddress(address.toInetAddress(), 80), 3000);
        return socket;
    }

    private static Socket accept(ServerSocket listener) throws IOException {
        Socket socket = listener.accept();
        socket.setSoTimeout(3000);
        return socket;
    }

    private static DatagramSocket datagrams(IpAddress address, int port) throws IOException {
        DatagramSocket socket = new DatagramSocket(new InetSocketAddress(address.toInetAddress(), port));
        socket.setSoTimeout(500);
        return socket;
    }

    private static void exchange(Socket from, Socket to) throws IOException {
        from.getOutputStream().write(7);
        assertThat(to.getInputStream().read()).isEqualTo(7);
    }

    /** Speaks until the connection is reset, which the first segment after the cut does. */
    private static void assertEnds(Socket socket) {
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 20; i++) {
                        socket.getOutputStream().write(7);
                        Thread.sleep(50);
                    }
                })
                .isInstanceOf(IOException.class);
    }

    private static boolean passes(DatagramSocket from, DatagramSocket to) throws IOException {
        from.send(new DatagramPacket(new byte[] {7}, 1, to.getLocalSocketAddress()));
        try {
            to.receive(new DatagramPacket(new byte[10], 10));
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }
}
