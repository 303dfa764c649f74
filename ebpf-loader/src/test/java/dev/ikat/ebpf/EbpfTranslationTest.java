package dev.ikat.ebpf;

import static dev.ikat.ebpf.WebService.frontend;
import static dev.ikat.ebpf.WebService.program;
import static dev.ikat.ebpf.WebService.service;
import static dev.ikat.ebpf.WebService.web;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.cluster.Protocol;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the programs do with connections of pods to services, and what becomes of these connections. */
@RequiresRoot
@RequiresProgram("nft")
class EbpfTranslationTest extends ServedPods {
    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int CLOSED = 99;

    @BeforeEach
    void serve() {
        for (int number = 2; number <= 3; number++) {
            keep(Probe.serve(pod(number), PORT));
        }
    }

    private static ServiceChange change(FrontendProgram... frontends) {
        return new ServiceChange(List.of(frontends), Set.of(), Optional.empty(), Optional.empty());
    }

    private List<Probe.Outcome> failures(IpFamily family) {
        return Probe.failures(
                List.of(
                        Probe.Target.tcp(pod(1), service(family), 80),
                        Probe.Target.udp(pod(1), service(family), 80),
                        Probe.Target.udp(pod(1), service(family), 80).withBytes(4000)),
                LIMIT);
    }

    /** Counts what netfilter sees of each protocol. */
    private void watch() {
        node.namespace()
                .exec(
                        "nft",
                        "add table inet seen; add chain inet seen prerouting { type filter hook prerouting priority -400; };"
                                + " add rule inet seen prerouting meta l4proto tcp counter;"
                                + " add rule inet seen prerouting udp dport 80 counter");
    }

    private String seen() {
        return node.namespace().exec("nft", "list", "table", "inet", "seen");
    }

    private SocketChannel connect(IpAddress address, int port) {
        return keep(InNamespace.call(pod(1).path(), () -> {
            try {
                SocketChannel channel = SocketChannel.open(new InetSocketAddress(address.toInetAddress(), port));
                channel.socket().setSoTimeout(1500);
                return channel;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }));
    }

    private static boolean echoes(SocketChannel channel) throws IOException {
        channel.write(ByteBuffer.wrap(new byte[] {'x'}));
        try {
            return channel.socket().getInputStream().read() == 'x';
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private DatagramSocket datagrams() {
        return keep(InNamespace.call(pod(1).path(), () -> {
            try {
                DatagramSocket made = new DatagramSocket();
                made.setSoTimeout(1500);
                return made;
            } catch (SocketException e) {
                throw new UncheckedIOException(e);
            }
        }));
    }

    /** Sends a datagram, and returns from where the next one comes. */
    private static InetSocketAddress ask(DatagramSocket socket, IpAddress address, int port) throws IOException {
        socket.send(new DatagramPacket(new byte[1], 1, new InetSocketAddress(address.toInetAddress(), port)));
        DatagramPacket answer = new DatagramPacket(new byte[1], 1);
        socket.receive(answer);
        return (InetSocketAddress) answer.getSocketAddress();
    }

    @ParameterizedTest
    @EnumSource
    void connectionsTakeTheShortWayPastNetfilter(IpFamily family) {
        services.replace(web(family, backend(2, family), backend(3, family)));
        watch();
        long before = services.backend().shortcutPackets();

        assertThat(failures(family)).isEmpty();

        assertThat(services.backend().shortcutPackets()).isGreaterThan(before + 8);
        assertThat(seen().split("packets 0 bytes 0", -1)).as(seen()).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void answersThatTheHostSendsAreRestored(boolean tcx) {
        services.close();
        services = new NodeServices(node.namespace(), new EbpfSettings(true, false, tcx, 0, Map.of()));
        IpFamily family = IpFamily.IPV4;
        services.replace(web(family, backend(2, family)));
        watch();

        assertThat(failures(family)).isEmpty();

        assertThat(seen()).as("the backend is chosen before").containsOnlyOnce("packets 0 bytes 0");
        node.namespace().ip("addr", "add", "192.0.2.77/32", "dev", "lo");
        node.namespace().ip("link", "set", "lo", "up");
        keep(Probe.serve(node.namespace(), PORT));
        services.replace(web(family, new Backend(IpAddress.parse("192.0.2.77"), PORT)));
        assertThat(failures(family)).as("a backend with the node's address").isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void policyIsAskedAboutThePodBehindTheService(IpFamily family) {
        PodProgram isolated = new PodProgram(
                RoutedNode.endpoint(2),
                new DirectionProgram(List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(), Action.DENY, List.of()))),
                DirectionProgram.OPEN);
        services.policies().apply(new PolicyChange(List.of(), Map.of(), List.of(isolated), List.of(), Set.of()));

        services.replace(web(family, backend(2, family)));
        assertThat(Probe.failures(List.of(Probe.Target.tcp(pod(1), service(family), 80)), Duration.ofMillis(700)))
                .hasSize(1);
        services.replace(web(family, backend(3, family)));
        assertThat(failures(family)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void errorsComeFromTheService(IpFamily family) throws Exception {
        services.replace(web(family, new Backend(address(2, family), CLOSED)));
        DatagramSocket socket = datagrams();
        socket.connect(new InetSocketAddress(service(family).toInetAddress(), 80));

        socket.send(new DatagramPacket(new byte[1], 1));

        assertThatThrownBy(() -> socket.receive(new DatagramPacket(new byte[1], 1)))
                .isInstanceOf(PortUnreachableException.class);
    }

    @ParameterizedTest
    @EnumSource
    void connectionKeepsItsBackendWhateverIsPutInForce(IpFamily family) throws Exception {
        services.replace(web(family, backend(2, family)));
        SocketChannel connection = connect(service(family), 80);
        assertThat(echoes(connection)).isTrue();

        services.apply(change(frontend(Protocol.TCP, family, backend(3, family))));
        assertThat(echoes(connection)).isTrue();
        services.replace(web(family, backend(3, family)));
        assertThat(echoes(connection)).isTrue();
        services.policies().replace(NodeServices.open());
        assertThat(echoes(connection)).isTrue();
        services.leave();
        assertThat(echoes(connection)).as("without a process").isTrue();
        services = new NodeServices(node.namespace(), EbpfSettings.USUAL);
        services.replace(web(family, backend(3, family)));
        assertThat(services.audit(web(family, backend(3, family)))).isEmpty();
        assertThat(services.policies().audit(NodeServices.open())).isEmpty();
        assertThat(echoes(connection)).as("with a successor").isTrue();
        assertThat(failures(family)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void connectionGoesOnWhereNetfilterServesAlone(IpFamily family) throws Exception {
        services.replace(web(family, backend(2, family), backend(3, family)));
        SocketChannel connection = connect(service(family), 80);
        assertThat(echoes(connection)).isTrue();

        services.removeOwn();

        assertThat(echoes(connection)).as("without services in eBPF").isTrue();
        assertThat(failures(family)).isEmpty();
        assertThat(services.policies().audit(NodeServices.open())).isEmpty();

        services.replace(web(family, backend(2, family), backend(3, family)));
        assertThat(echoes(connection)).as("with them again").isTrue();
        SocketChannel other = connect(service(family), 80);
        assertThat(echoes(other)).isTrue();
        services.policies().remove();
        assertThat(echoes(connection)).as("without policies in eBPF").isTrue();
        assertThat(echoes(other)).as("without policies in eBPF").isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void datagramsLeaveABackendThatIsGone(IpFamily family) throws Exception {
        services.replace(web(family, new Backend(address(4, family), PORT)));
        DatagramSocket socket = datagrams();
        assertThatThrownBy(() -> ask(socket, service(family), 80)).isInstanceOf(SocketTimeoutException.class);

        services.apply(change(frontend(Protocol.UDP, family, backend(3, family))));

        assertThat(ask(socket, service(family), 80))
                .isEqualTo(new InetSocketAddress(service(family).toInetAddress(), 80));
    }

    @ParameterizedTest
    @EnumSource
    void datagramsLeaveAServiceThatHasGoneWhileNobodyLooked(IpFamily family) throws Exception {
        services.replace(web(family, backend(3, family)));
        DatagramSocket socket = datagrams();
        assertThat(ask(socket, service(family), 80))
                .isEqualTo(new InetSocketAddress(service(family).toInetAddress(), 80));

        services.replace(program());

        assertThatThrownBy(() -> ask(socket, service(family), 80))
                .isInstanceOfAny(SocketTimeoutException.class, PortUnreachableException.class);
    }

    @ParameterizedTest
    @EnumSource
    void backendAnswersThePortOfAConnectionToTheServiceThatHasEnded(IpFamily family) throws IOException {
        services.replace(web(family, backend(2, family)));
        pod(1).sysctl("net.ipv4.ip_local_port_range", "41000 41000");
        SocketChannel former = connect(service(family), 80);
        assertThat(echoes(former)).isTrue();

        former.setOption(StandardSocketOptions.SO_LINGER, 0);
        former.close();

        assertThat(echoes(connect(address(2, family), PORT))).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void serviceAndItsBackendAnswerTheSamePort(IpFamily family) throws Exception {
        services.replace(web(family, backend(2, family)));
        DatagramSocket socket = datagrams();
        InetSocketAddress service = new InetSocketAddress(service(family).toInetAddress(), 80);
        InetSocketAddress backend = new InetSocketAddress(address(2, family).toInetAddress(), PORT);

        for (int i = 0; i < 3; i++) {
            assertThat(ask(socket, service(family), 80)).isEqualTo(service);
            assertThat(ask(socket, address(2, family), PORT)).isEqualTo(backend);
        }
        DatagramSocket other = datagrams();
        for (int i = 0; i < 3; i++) {
            assertThat(ask(other, address(2, family), PORT)).isEqualTo(backend);
            assertThat(ask(other, service(family), 80)).isEqualTo(service);
        }
    }

    @Test
    void backendOfAnotherNodeIsReachedThroughTheOverlay() {
        OtherNode other = keep(new OtherNode(node.namespace(), pod(1), pod(2)));
        keep(Probe.serve(other.namespace(), PORT));
        services.policies().replace(NodeServices.open());
        assertThat(services.backend().reachesOverlay()).isTrue();
        watch();
        for (IpAddress address : OtherNode.ADDRESSES) {
            services.replace(web(address.family(), new Backend(address, PORT)));
            long before = services.backend().shortcutPackets();
            assertThat(failures(address.family())).isEmpty();
            assertThat(services.backend().shortcutPackets()).isGreaterThan(before + 8);
        }
        assertThat(seen().split("packets 0 bytes 0", -1)).as(seen()).hasSize(3);
    }

    @Test
    void frontendsWithoutRoomAreLeftToNetfilter() {
        services.close();
        services = new NodeServices(node.namespace(), new EbpfSettings(true, true, true, 0, Map.of("backends", 1)));
        ServiceProgram program = web(IpFamily.IPV4, backend(2, IpFamily.IPV4), backend(3, IpFamily.IPV4));
        services.replace(program);

        assertThat(failures(IpFamily.IPV4)).isEmpty();
        assertThat(services.fill("frontends")).contains(0.0);
        assertThat(services.audit(program)).isEmpty();
    }

    @Test
    void uplinkThatIsNotKnownIsRemarked() {
        services.close();
        services = new NodeServices(
                node.namespace(), EbpfSettings.USUAL, OwnControlGroup.path(), new Outside(false, Optional::empty));
        services.replace(web(IpFamily.IPV4, backend(2, IpFamily.IPV4)));

        assertThat(services.remarks())
                .contains(
                        "connections from outside are not translated in eBPF: no Ethernet interface to the other nodes"
                                + " is known");
    }
}
