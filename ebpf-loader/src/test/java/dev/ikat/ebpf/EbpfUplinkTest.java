package dev.ikat.ebpf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.OverlayNode;
import dev.ikat.backendtests.Witness;
import dev.ikat.backendtests.Witness.Answer;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.Target;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the programs at the uplink do with connections from outside the cluster. */
@RequiresRoot
@RequiresProgram("nft")
class EbpfUplinkTest {
    private static final Duration LIMIT = Duration.ofSeconds(3);
    private static final Duration SHORT = Duration.ofMillis(500);
    private static final int PORT = 80;
    private static final int NODE_PORT = 30_080;
    private static final int CLIENT = 100;
    private static final int OTHER_PORT = 9090;

    private final TestNamespace link = OverlayNode.link();
    private final TestNamespace client = OverlayNode.client(link, CLIENT);
    private final List<ServedNode> nodes = new ArrayList<>();

    @AfterEach
    void close() {
        nodes.forEach(ServedNode::close);
        client.close();
        link.close();
    }

    private void make(boolean direct) {
        make(direct, EbpfSettings.USUAL);
    }

    private void make(boolean direct, EbpfSettings settings) {
        nodes.add(new ServedNode(new OverlayNode(1, link), settings, direct));
        nodes.add(new ServedNode(new OverlayNode(2, link), settings, direct));
        route(1);
    }

    /** Has the client send what is for the external address to this node. */
    private void route(int number) {
        for (IpFamily family : IpFamily.values()) {
            OverlayNode.route(client, external(family), number);
        }
    }

    private ServedNode node(int number) {
        return nodes.get(number - 1);
    }

    private static IpAddress clientAddress(IpFamily family) {
        return OverlayNode.address(CLIENT, family);
    }

    private static IpAddress external(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "203.0.113.7" : "2001:db8:7::7");
    }

    /** The service on one of the nodes, with these pods. */
    private ServiceProgram program(ServedNode node, IpFamily family, boolean local, int port, Integer... pods) {
        List<Backend> all = Arrays.stream(pods)
                .map(pod -> new Backend(OverlayNode.podAddress(pod, family), port))
                .toList();
        List<Backend> own = all.stream()
                .filter(backend -> node.node.podCidrs().stream().anyMatch(cidr -> cidr.contains(backend.address())))
                .toList();
        Target inside = new Target.Balance(all);
        Target outside = !local ? inside : own.isEmpty() ? Target.DROP : new Target.Balance(own);
        Map<Frontend, FrontendProgram> frontends = new HashMap<>();
        for (Protocol protocol : List.of(Protocol.TCP, Protocol.UDP)) {
            for (Frontend frontend : List.of(
                    new Frontend(external(family), protocol, PORT),
                    new Frontend(OverlayNode.address(nodes.indexOf(node) + 1, family), protocol, NODE_PORT))) {
                frontends.put(
                        frontend,
                        new FrontendProgram(
                                frontend,
                                new ServicePortName("shop", "web", ""),
                                frontend.port() == PORT ? Kind.LOAD_BALANCER : Kind.NODE_PORT,
                                inside,
                                outside,
                                local,
                                Optional.empty(),
                                List.of()));
            }
        }
        return new ServiceProgram(frontends, node.node.podCidrs(), Set.of());
    }

    private void serve(IpFamily family, boolean local, Integer... pods) {
        serveAt(family, local, Witness.PORT, pods);
    }

    private void serveAt(IpFamily family, boolean local, int port, Integer... pods) {
        for (ServedNode node : nodes) {
            node.services().replace(program(node, family, local, port, pods), List.of());
            node.awaitPrograms();
        }
    }

    private Answer ask(IpAddress address, int port) throws IOException {
        return Witness.ask(client, address, port, LIMIT);
    }

    private Answer askByDatagram(IpAddress address, int port) throws IOException {
        return Witness.askByDatagram(client, address, port, LIMIT);
    }

    /** What connection tracking of a node has under an address. */
    private String tracked(int number, IpAddress address) {
        return node(number).namespace().exec("conntrack", "-L", "--orig-dst", address.toString());
    }

    @ParameterizedTest
    @EnumSource
    @RequiresProgram("conntrack")
    void localServicesAreTranslatedAtTheUplink(IpFamily family) throws IOException {
        make(false);
        serve(family, true, 11, 12, 21);
        Set<Integer> servers = new HashSet<>();

        for (int i = 0; i < 20; i++) {
            servers.add(ask(external(family), PORT).server());
            servers.add(askByDatagram(external(family), PORT).server());
            servers.add(ask(OverlayNode.address(1, family), NODE_PORT).server());
            servers.add(askByDatagram(OverlayNode.address(1, family), NODE_PORT).server());
        }

        assertThat(servers).containsExactlyInAnyOrder(11, 12);
        assertThat(ask(external(family), PORT).source()).isEqualTo(clientAddress(family));
        assertThat(tracked(1, external(family))).isEmpty();
        assertThat(tracked(1, OverlayNode.address(1, family))).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void clusterWideServicesAreLeftToNetfilterWithoutDirectReturn(IpFamily family) throws IOException {
        make(false);
        serve(family, false, 11, 21);
        Map<Integer, IpAddress> sources = new HashMap<>();

        for (int i = 0; i < 40; i++) {
            Answer answer = ask(external(family), PORT);
            sources.put(answer.server(), answer.source());
        }

        assertThat(sources).containsOnlyKeys(11, 21);
        assertThat(sources.values()).doesNotContain(clientAddress(family));
    }

    @ParameterizedTest
    @EnumSource
    void podOfAnotherNodeAnswersTheClientItself(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 21, 22);
        String before = received(1);

        for (int i = 0; i < 5; i++) {
            assertThat(ask(external(family), PORT).source()).isEqualTo(clientAddress(family));
            assertThat(askByDatagram(external(family), PORT).source()).isEqualTo(clientAddress(family));
            assertThat(ask(OverlayNode.address(1, family), NODE_PORT).source()).isEqualTo(clientAddress(family));
            assertThat(askByDatagram(OverlayNode.address(1, family), NODE_PORT).source())
                    .isEqualTo(clientAddress(family));
        }

        assertThat(received(1)).as("what has come back through the overlay").isEqualTo(before);
    }

    /** How many packets a node has got out of the overlay. */
    private String received(int number) {
        return node(number).namespace().ipJson("-s", "link", "show", "ikat-vxlan").stream()
                .findFirst()
                .orElseThrow()
                .get("stats64")
                .get("rx")
                .get("packets")
                .text();
    }

    @ParameterizedTest
    @EnumSource
    void connectionGoesOnThroughAnotherNode(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 11, 12, 21, 22);
        List<Socket> connections = new ArrayList<>();
        List<Answer> answers = new ArrayList<>();
        // With so many, one run in millions misses one of the four.
        for (int i = 0; i < 60; i++) {
            connections.add(Witness.connect(client, external(family), PORT, LIMIT));
            answers.add(Witness.ask(connections.getLast()));
        }
        assertThat(answers).extracting(Answer::server).contains(11, 12, 21, 22);

        route(2);

        for (int i = 0; i < connections.size(); i++) {
            assertThat(Witness.ask(connections.get(i))).isEqualTo(answers.get(i));
            connections.get(i).close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void policyIsAskedAboutTheClientAndThePod(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 11, 21);
        for (int pod : List.of(11, 21)) {
            PodProgram isolated = new PodProgram(
                    OverlayNode.endpoint(pod),
                    new DirectionProgram(
                            List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(), Action.DENY, List.of()))),
                    DirectionProgram.OPEN);
            node(pod / 10)
                    .policies()
                    .apply(new PolicyChange(List.of(), Map.of(), List.of(isolated), List.of(), Set.of()));
        }

        for (int i = 0; i < 6; i++) {
            assertThatThrownBy(() -> Witness.ask(client, external(family), PORT, SHORT))
                    .isInstanceOf(SocketTimeoutException.class);
        }
    }

    /** The pod's answers would be the same as those to a connection to the service. */
    @ParameterizedTest
    @EnumSource
    void podItselfIsReachedFromThePortOfAConnectionToTheService(IpFamily family) throws IOException {
        make(false);
        serve(family, true, 11);
        IpAddress pod = OverlayNode.podAddress(11, family);
        OverlayNode.route(client, pod, 1);
        client.sysctl("net.ipv4.ip_local_port_range", "41000 41000");
        Answer expected = new Answer(11, clientAddress(family));
        Socket open = Witness.connect(client, external(family), PORT, LIMIT);
        assertThat(Witness.ask(open)).isEqualTo(expected);

        assertThat(askAndReset(pod, Witness.PORT)).as("beside it").isEqualTo(expected);
        assertThat(Witness.ask(open)).isEqualTo(expected);
        open.setSoLinger(true, 0);
        open.close();
        assertThat(askAndReset(pod, Witness.PORT)).as("after it").isEqualTo(expected);
        assertThat(askAndReset(external(family), PORT)).isEqualTo(expected);
        assertThat(askByDatagram(external(family), PORT)).isEqualTo(expected);
        assertThat(askByDatagram(pod, Witness.PORT)).isEqualTo(expected);
    }

    /** The port is free at once. */
    private Answer askAndReset(IpAddress address, int port) throws IOException {
        try (Socket connection = Witness.connect(client, address, port, LIMIT)) {
            Answer answer = Witness.ask(connection);
            connection.setSoLinger(true, 0);
            return answer;
        }
    }

    @ParameterizedTest
    @EnumSource
    void datagramsInFragmentsReachPodsOfBothNodes(IpFamily family) {
        make(true);
        for (int pod : List.of(11, 21)) {
            try (Probe.Server _ = Probe.serve(node(pod / 10).node.pod(pod), OTHER_PORT)) {
                serveAt(family, false, OTHER_PORT, pod);
                assertThat(Probe.failures(
                                List.of(Probe.Target.udp(client, external(family), PORT)
                                        .withBytes(4000)),
                                LIMIT))
                        .as("pod %d", pod)
                        .isEmpty();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void errorsOfPodsComeFromTheService(IpFamily family) throws IOException {
        make(true);
        for (int pod : List.of(11, 21)) {
            serveAt(family, false, OTHER_PORT, pod);

            assertThatThrownBy(() -> askByDatagram(external(family), PORT))
                    .as("pod %d", pod)
                    .isInstanceOf(PortUnreachableException.class);
        }
    }

    @ParameterizedTest
    @EnumSource
    void errorsOfClientsReachThePod(IpFamily family) throws IOException {
        make(true);
        for (int pod : List.of(11, 21)) {
            serveAt(family, false, OTHER_PORT, pod);
            try (DatagramSocket server = datagrams(node(pod / 10).node.pod(pod), OTHER_PORT)) {
                try (DatagramSocket asking = datagrams(client, 0)) {
                    asking.send(new DatagramPacket(
                            new byte[1],
                            1,
                            new InetSocketAddress(external(family).toInetAddress(), PORT)));
                    DatagramPacket request = new DatagramPacket(new byte[1], 1);
                    server.receive(request);
                    server.connect(request.getSocketAddress());
                }

                assertThatThrownBy(() -> {
                            server.send(new DatagramPacket(new byte[1], 1));
                            server.receive(new DatagramPacket(new byte[1], 1));
                        })
                        .as("pod %d", pod)
                        .isInstanceOf(PortUnreachableException.class);
            }
        }
    }

    private static DatagramSocket datagrams(TestNamespace of, int port) {
        return InNamespace.call(of.path(), () -> {
            try {
                DatagramSocket made = new DatagramSocket(port, InetAddress.ofLiteral("::"));
                made.setSoTimeout((int) LIMIT.toMillis());
                return made;
            } catch (SocketException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** The answer would go to the node's own address, by a way that its pods' answers do not take. */
    @ParameterizedTest
    @EnumSource
    void nodesThemselvesAreAnsweredThroughTheNodeThatTheyAsk(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 21);

        Answer answer = Witness.ask(node(2).namespace(), OverlayNode.address(1, family), NODE_PORT, LIMIT);

        assertThat(answer.server()).isEqualTo(21);
    }

    @ParameterizedTest
    @EnumSource
    void connectionKeepsItsBackendWhateverIsPutInForce(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 11, 12, 21, 22);
        List<Socket> connections = new ArrayList<>();
        List<Answer> answers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            connections.add(Witness.connect(client, external(family), PORT, LIMIT));
            answers.add(Witness.ask(connections.getLast()));
        }

        serve(family, false, 12, 22);
        nodes.forEach(ServedNode::restart);
        serve(family, false, 12, 22);

        for (int i = 0; i < connections.size(); i++) {
            assertThat(Witness.ask(connections.get(i))).isEqualTo(answers.get(i));
            connections.get(i).close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void connectionGoesOnWhereEbpfTakesOver(IpFamily family) throws IOException {
        make(true);
        for (ServedNode node : nodes) {
            node.nftables().services().replace(program(node, family, false, Witness.PORT, 11, 21), List.of());
        }
        List<Socket> connections = new ArrayList<>();
        List<Answer> answers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            connections.add(Witness.connect(client, external(family), PORT, LIMIT));
            answers.add(Witness.ask(connections.getLast()));
        }
        assertThat(answers).extracting(Answer::source).doesNotContain(clientAddress(family));

        serve(family, false, 11, 21);

        assertThat(ask(external(family), PORT).source()).isEqualTo(clientAddress(family));
        for (int i = 0; i < connections.size(); i++) {
            assertThat(Witness.ask(connections.get(i))).isEqualTo(answers.get(i));
            connections.get(i).close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void connectionGoesOnWhereNetfilterServesAlone(IpFamily family) throws IOException {
        make(false);
        serve(family, true, 11);
        Socket connection = Witness.connect(client, external(family), PORT, LIMIT);
        Answer answer = Witness.ask(connection);

        node(1).services().removeOwn();
        assertThat(Witness.ask(connection)).as("without services in eBPF").isEqualTo(answer);
        node(1).policies().remove();
        assertThat(Witness.ask(connection)).as("without eBPF").isEqualTo(answer);
        connection.close();
    }

    @ParameterizedTest
    @EnumSource
    void filtersOfClsactDoTheSame(IpFamily family) throws IOException {
        make(true, new EbpfSettings(true, true, false, 0, Map.of()));
        serve(family, false, 11, 21);
        Set<Answer> answers = new HashSet<>();

        for (int i = 0; i < 20; i++) {
            answers.add(ask(external(family), PORT));
        }

        assertThat(answers)
                .containsExactlyInAnyOrder(
                        new Answer(11, clientAddress(family)), new Answer(21, clientAddress(family)));
        node(1).services().remove();
        node(1).policies().remove();
        assertThat(node(1).namespace().exec("tc", "qdisc", "show", "dev", "up0"))
                .doesNotContain("clsact");
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsLeft(IpFamily family) throws IOException {
        make(true);
        serve(family, false, 11, 21);
        ask(external(family), PORT);

        nodes.forEach(node -> {
            node.services().remove();
            node.policies().remove();
            assertThat(NodeBackend.pins(node.namespace())).isEmpty();
        });
    }
}
