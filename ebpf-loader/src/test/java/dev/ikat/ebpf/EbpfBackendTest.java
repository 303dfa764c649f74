package dev.ikat.ebpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.BackendContract;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.connection.Connections;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.ebpf.program.Table;
import dev.ikat.ebpf.program.Tables;
import dev.ikat.ebpf.program.Transaction;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Iperf;
import dev.ikat.testbed.traffic.NumberedStream;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EbpfBackendTest extends BackendContract {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final PortSpan UDP_80 = new PortSpan(Protocol.UDP, 80, 80);

    @Override
    protected PolicyBackend open(TestNamespace namespace) {
        return new NodeBackend(namespace, EbpfSettings.USUAL);
    }

    @Override
    protected String state(TestNamespace namespace) {
        return NodeBackend.pins(namespace).toString();
    }

    private NodeBackend ours() {
        return (NodeBackend) backend;
    }

    private void reopen(EbpfSettings settings) {
        backend.close();
        backend = keep(new NodeBackend(node, settings));
    }

    private static PolicyChange programs(PodProgram... programs) {
        return new PolicyChange(List.of(), Map.of(), List.of(programs), List.of(), Set.of());
    }

    @Test
    void whatIsDroppedIsTold() {
        backend.replace(
                program(List.of(), new PodProgram(endpoint(1), isolated(), DirectionProgram.OPEN), open(2), open(3)));
        assertThat(reached(stranger)).isEmpty();
        Await.until(
                LIMIT,
                () -> ours().events().toString(),
                () -> ours().events().stream()
                        .anyMatch(packet -> packet.prefix().equals("ikat i")
                                && packet.header().orElseThrow().source().equals(v4(3))
                                && packet.header().orElseThrow().destination().equals(v4(1))
                                && packet.header().orElseThrow().destinationPort() == 80));
        assertThat(ours().events()).extracting(LoggedPacket::prefix).containsOnly("ikat i");
    }

    @Test
    void oneOfSoManyAcceptedConnectionsIsTold() {
        reopen(new EbpfSettings(true, true, true, 1, Map.of()));
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        assertThat(reached(friend)).isEqualTo(ALL);
        Await.until(
                LIMIT,
                () -> ours().events().toString(),
                () -> ours().events().stream()
                        .anyMatch(packet -> packet.prefix().equals("ikat a")));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void podsOfOneNodeTakeTheShortWay(boolean tcx) {
        reopen(settings(tcx));
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        long before = ours().backend().shortcutPackets();
        assertThat(ours().backend().shortcuts()).isEqualTo(3);
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(ours().backend().shortcutPackets()).isGreaterThan(before + 10);
    }

    @Test
    void piecesAbove64KiBTakeTheShortWayToo() {
        friend.ip("link", "set", "eth0", "gso_max_size", "196608");
        server.ip("link", "set", "eth0", "gso_max_size", "196608");
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        node.exec(
                "nft",
                "add table inet seen; add chain inet seen forward { type filter hook forward priority 0; };"
                        + " add rule inet seen forward tcp dport %d counter".formatted(Iperf.PORT));
        assertThat(Iperf.gigabitsPerSecond(friend, server, v6(1), 1)).isPositive();
        assertThat(node.exec("nft", "list", "table", "inet", "seen")).contains("counter packets 0 bytes 0");
        assertThat(node.ipJson("-statistics", "link", "show", hostInterface(2).value())
                        .get(0)
                        .get("stats64")
                        .get("rx"))
                .satisfies(received -> assertThat(received.get("bytes").number()
                                / received.get("packets").number())
                        .isGreaterThan(65536 / 2));
    }

    private static EbpfSettings settings(boolean tcx) {
        return new EbpfSettings(true, true, tcx, 0, Map.of());
    }

    /** As does an agent that starts while its predecessor's programs are in force. */
    @Test
    void noPacketIsLostWhileItLooksWhetherItCouldEnforce() {
        reopen(new EbpfSettings(true, false, true, 0, Map.of()));
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        try (NumberedStream stream = NumberedStream.start(friend, server, v4(1), 9000, 50_000)) {
            for (int i = 0; i < 30; i++) {
                assertThat(backend.probe()).isEmpty();
            }
            NumberedStream.Count count = stream.end();
            assertThat(count.missing()).as(count.toString()).isZero();
            assertThat(count.sent()).isGreaterThan(1000);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void podsOfOtherNodesAreReachedThroughTheOverlayAndNothingElse(boolean tcx) throws Exception {
        reopen(settings(tcx));
        OtherNode other = keep(new OtherNode(node, server, friend));
        keep(Probe.serve(other.namespace(), 80));
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        assertThat(ours().backend().reachesOverlay()).isTrue();
        List<Probe.Target> outward = OtherNode.ADDRESSES.stream()
                .flatMap(to -> Stream.of(
                        Probe.Target.tcp(friend, to, 80),
                        Probe.Target.udp(friend, to, 80).withBytes(4000)))
                .toList();
        assertThat(Probe.failures(outward, LIMIT)).isEmpty();
        assertThat(reached(other.namespace())).isEqualTo(ALL);
        node.exec(
                "nft",
                "add table inet seen; add chain inet seen forward { type filter hook forward priority 0; };"
                        + " add rule inet seen forward tcp sport %1$d counter; add rule inet seen forward tcp dport %1$d counter"
                                .formatted(Iperf.PORT));
        for (IpAddress to : OtherNode.ADDRESSES) {
            long before = ours().backend().shortcutPackets();
            assertThat(Iperf.gigabitsPerSecond(friend, other.namespace(), to, 1))
                    .isPositive();
            assertThat(ours().backend().shortcutPackets()).isGreaterThan(before + 1000);
        }
        assertThat(node.exec("nft", "list", "chain", "inet", "seen", "forward"))
                .as("what netfilter has seen of either direction")
                .contains("sport 5201 counter packets 0 bytes 0", "dport 5201 counter packets 0 bytes 0");
        backend.replace(ingress(List.of(), rule(Action.ACCEPT, List.of(), tcp(81))));
        assertThat(reached(other.namespace())).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81");
        assertThat(Probe.failures(outward, LIMIT)).isEmpty();
        node.ip("link", "del", "ikat-vxlan");
        Await.until(LIMIT, () -> "the overlay is gone", () -> !ours().backend().reachesOverlay());
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 81", "v6 tcp 81");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void linkThatGoesIsNoDrift(boolean tcx) {
        reopen(settings(tcx));
        PolicyProgram program = program(List.of(), open(1), open(2), open(3));
        backend.replace(program);
        for (int number = 1; number <= 3; number++) {
            assertThat(backend.audit(program)).isEmpty();

            node.ip("link", "del", hostInterface(number).value());

            assertThat(backend.audit(program)).isEmpty();
            assertThat(backend.isUntouched()).isTrue();
        }
        Await.until(LIMIT, () -> "short ways are left", () -> ours().backend().shortcuts() == 0);
    }

    @Test
    void filterIsFoundGoneAndNoneStays() {
        reopen(settings(false));
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        String host = hostInterface(2).value();
        node.exec("tc", "filter", "del", "dev", host, "ingress");
        assertThat(backend.isUntouched()).isFalse();
        assertThat(backend.audit(program)).containsExactly("the program at " + host + " is gone");
        backend.replace(program);
        assertThat(backend.audit(program)).isEmpty();
        assertThat(node.exec("tc", "filter", "show", "dev", host, "ingress")).contains("ikat");
        // A successor takes it over, and leaves nothing of it.
        ours().leave();
        try (NodeBackend successor = new NodeBackend(node, settings(false))) {
            successor.replace(program(List.of(), open(1), open(3)));
            assertThat(node.exec("tc", "filter", "show", "dev", host, "ingress"))
                    .as("at the link of a pod that is gone")
                    .doesNotContain("ikat");
            successor.replace(program);
            assertThat(successor.audit(program)).isEmpty();
            assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        }
        assertThat(node.exec("tc", "qdisc", "show", "dev", host)).doesNotContain("clsact");
    }

    @Test
    void streamGoesOnWhileASuccessorTakesOver() {
        PolicyProgram program = ingress(
                List.of(set(2)),
                rule(Action.ACCEPT, clients(), tcp(Iperf.PORT)),
                rule(Action.ACCEPT, clients(), tcp(80)));
        backend.replace(program);
        try (Iperf.Stream stream = Iperf.Stream.start(friend, server, v4(1))) {
            stream.awaitProgress();
            ours().leave();
            assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
            stream.awaitProgress();
            try (NodeBackend successor = new NodeBackend(node, EbpfSettings.USUAL)) {
                successor.replace(program);
                assertThat(successor.audit(program)).isEmpty();
                assertThat(reached(stranger)).isEmpty();
                successor.replace(program);
                assertThat(successor.audit(program)).isEmpty();
                stream.awaitProgress();
            }
        }
    }

    @Test
    void fullTableLeavesWhatWasAndThePodThatDidNotFitClosed() {
        // Two addresses each.
        reopen(new EbpfSettings(true, true, true, 0, Map.of("addresses", 4)));
        backend.replace(program(List.of(), open(1), open(2)));
        assertThatThrownBy(() -> backend.apply(programs(open(3))))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessageContaining("addresses")
                .hasMessageContaining("4");
        assertThat(reached(friend)).isEqualTo(ALL);
        assertThat(reached(stranger)).isEmpty();
        assertThat(ours().backend().fill()).containsKey("addresses");
    }

    @Test
    void tablesGrowWithTheProgramWhileConnectionsStayOpen() throws Exception {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        try (SocketChannel channel = connect(friend)) {
            assertThat(echoes(channel)).isTrue();
            Set<SetMember> many = new HashSet<>(members(2));
            for (int i = 0; i < 6000; i++) {
                many.add(new SetMember.AddressMember(IpAddress.v4((11 << 24) + i)));
            }
            Set<SetMember> more = new HashSet<>(many);
            more.removeAll(members(2));
            backend.apply(new PolicyChange(
                    List.of(),
                    Map.of(CLIENTS, new PolicyChange.Members(more, Set.of())),
                    List.of(),
                    List.of(),
                    Set.of()));
            AddressSet grown = new AddressSet(CLIENTS, AddressSet.Form.ADDRESSES, "pods app=client", many);
            assertThat(backend.audit(ingress(List.of(grown), rule(Action.ACCEPT, clients(), tcp(80)))))
                    .isEmpty();
            assertThat(ours().backend().fill().get("members")).isBetween(0.3, 0.5);
            assertThat(echoes(channel)).isTrue();
        }
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"name", "link", "short way", "element", "foreign element"})
    void driftIsFoundAndRepaired(String damage) throws Exception {
        PolicyProgram program = ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80)));
        assertDriftIsRepaired(program, () -> {
            assertThat(backend.isUntouched()).isTrue();
            ours().damage(damage);
        });
        assertThat(reached(friend)).containsExactlyInAnyOrder("v4 tcp 80", "v6 tcp 80");
        assertThat(reached(stranger)).isEmpty();
    }

    private SocketChannel connect(TestNamespace from) {
        return InNamespace.call(from.path(), () -> {
            try {
                SocketChannel channel = SocketChannel.open(new InetSocketAddress(v4(1).toInetAddress(), 80));
                channel.socket().setSoTimeout(1500);
                return channel;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static boolean echoes(SocketChannel channel) throws IOException {
        channel.write(ByteBuffer.wrap(new byte[] {'x'}));
        try {
            return channel.socket().getInputStream().read() == 'x';
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void openConnectionEndsIfItIsForbiddenWhereThatIsWanted(boolean cut) throws Exception {
        reopen(new EbpfSettings(cut, true, true, 0, Map.of()));
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        try (SocketChannel channel = connect(friend)) {
            assertThat(echoes(channel)).isTrue();
            backend.apply(new PolicyChange(
                    List.of(),
                    Map.of(CLIENTS, new PolicyChange.Members(members(3), members(2))),
                    List.of(),
                    List.of(),
                    Set.of()));
            assertThat(echoes(channel)).isEqualTo(!cut);
            assertThat(reached(friend)).isEmpty();
        }
    }

    @Test
    void whatIsOverMakesRoomAndWhatIsOpenStays() throws Exception {
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), tcp(80))));
        try (SocketChannel channel = connect(friend);
                NetworkNamespace namespace = NetworkNamespace.open(node.path())) {
            assertThat(echoes(channel)).isTrue();
            Path pin = new Pins(namespace).path(EbpfBackend.CONNECTIONS_PIN);
            assertThat(pin).exists();
            Connections.withPinned(pin, connections -> {
                for (int i = 1; i <= 10_000; i++) {
                    Bpf.update(connections, udp(i), seen(Duration.ofSeconds(i <= 9_000 ? 200 : 100)));
                }
                assertThat(Connections.sweep(connections)).isEqualTo(9_000);
                assertThat(Bpf.lookup(connections, udp(9_000))).isEmpty();
                assertThat(Bpf.lookup(connections, udp(9_001))).isPresent();
                assertThat(Connections.sweep(connections)).isZero();
            });
            assertThat(echoes(channel)).isTrue();
        }
    }

    /** The key of a datagram to this port. */
    private static ByteBuffer udp(int port) {
        return Layout.put(Layout.put(Layout.of(40), v4(1)), v4(2))
                .position(34)
                .put((byte) (port >> 8))
                .put((byte) port)
                .put((byte) 17)
                .position(0);
    }

    private static ByteBuffer seen(Duration before) {
        return Layout.of(32).putLong(System.nanoTime() - before.toNanos()).position(0);
    }

    @Test
    void newBlockSaysWhatTheOneAroundItSaysUntilItIsInForce() {
        Tables tables = new Tables();
        Transaction first = tables.begin(ingress(List.of(), rule(Action.ACCEPT, block("10.0.0.0/8"), tcp(80))));
        assertThat(first.before(Table.BLOCKS4)).isEmpty();
        ByteBuffer outer =
                first.roots().getOrDefault(Table.BLOCKS4, Map.of()).get(Layout.block(Cidr.parse("10.0.0.0/8")));
        MapKey inner = Layout.block(Cidr.parse("10.1.0.0/16"));

        Transaction second = tables.change(programs(new PodProgram(
                endpoint(2), isolated(rule(Action.ACCEPT, block("10.1.0.0/16"), tcp(80))), DirectionProgram.OPEN)));

        assertThat(second.before(Table.BLOCKS4)).containsOnly(Map.entry(inner, outer));
        assertThat(second.roots().getOrDefault(Table.BLOCKS4, Map.of()).get(inner))
                .isNotEqualTo(outer);
    }

    @Test
    void whoHasLostItsAddressCanNotUseItsConnectionAnyMore() throws Exception {
        backend.replace(program(List.of(), open(1), open(2), open(3)));
        try (SocketChannel channel = connect(friend)) {
            long before = ours().backend().shortcutPackets();
            assertThat(echoes(channel)).isTrue();
            assertThat(ours().backend().shortcutPackets()).isGreaterThan(before);
            Endpoint heir = new Endpoint(
                    endpoint(3).attachment(),
                    hostInterface(3),
                    endpoint(2).addresses(),
                    endpoint(3).pod());
            Endpoint poor = new Endpoint(
                    endpoint(2).attachment(),
                    hostInterface(2),
                    endpoint(3).addresses(),
                    endpoint(2).pod());
            backend.apply(programs(
                    new PodProgram(heir, DirectionProgram.OPEN, DirectionProgram.OPEN),
                    new PodProgram(poor, DirectionProgram.OPEN, DirectionProgram.OPEN)));
            assertThat(echoes(channel)).isFalse();
        }
    }

    private DatagramSocket friendAsks(IpAddress address, int port, int milliseconds) {
        return InNamespace.call(friend.path(), () -> {
            try {
                DatagramSocket made = new DatagramSocket();
                made.connect(new InetSocketAddress(address.toInetAddress(), port));
                made.setSoTimeout(milliseconds);
                return made;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    @Test
    void errorsComeThroughWithTheConnectionThatTheyTellOf() throws Exception {
        // The friend may send, but receives nothing that it did not ask for.
        backend.replace(
                program(List.of(), open(1), new PodProgram(endpoint(2), isolated(), DirectionProgram.OPEN), open(3)));
        for (var address : endpoint(1).addresses()) {
            try (DatagramSocket socket = friendAsks(address, 99, 2000)) {
                socket.send(new java.net.DatagramPacket(new byte[1], 1));
                assertThatThrownBy(() -> socket.receive(new java.net.DatagramPacket(new byte[1], 1)))
                        .as("to %s", address)
                        .isInstanceOf(PortUnreachableException.class);
            }
        }
    }

    /** The first answer comes microseconds after the connection was noted, by another clock. */
    @Test
    void firstAnswerOfAServiceComesBack() throws Exception {
        IpAddress service = IpAddress.parse("10.96.0.10");
        node.exec(
                "nft",
                "add table ip services; add chain ip services prerouting { type nat hook prerouting priority dstnat; };"
                        + " add rule ip services prerouting ip daddr %s dnat to %s".formatted(service, v4(1)));
        backend.replace(
                program(List.of(), open(1), new PodProgram(endpoint(2), isolated(), DirectionProgram.OPEN), open(3)));
        for (int i = 0; i < 100; i++) {
            try (DatagramSocket socket = friendAsks(service, 80, 1000)) {
                socket.send(new java.net.DatagramPacket(new byte[] {(byte) i}, 1));
                java.net.DatagramPacket answer = new java.net.DatagramPacket(new byte[1], 1);
                socket.receive(answer);
                assertThat(answer.getData()).containsExactly((byte) i);
            }
        }
    }

    @Test
    void fragmentsAreJudgedAsTheDatagramThatTheyMake() {
        List<Probe.Target> targets = List.of(
                Probe.Target.udp(friend, v4(1), 80).withBytes(4000),
                Probe.Target.udp(friend, v6(1), 80).withBytes(4000));
        backend.replace(ingress(List.of(set(2)), rule(Action.ACCEPT, clients(), UDP_80)));
        assertThat(Probe.check(targets, LIMIT)).allMatch(Probe.Outcome::reached);
        backend.replace(ingress(List.of(set(3)), rule(Action.ACCEPT, clients(), UDP_80)));
        ours().backend().forgetConnections();
        assertThat(Probe.check(targets, Duration.ofMillis(500))).noneMatch(Probe.Outcome::reached);
    }
}
