package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.agent.policy.CraftedPackets.End;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Connections between a client and a server that policy comes to forbid, packet by packet: neither end's next packet
 * makes one anew, whichever comes first, though a connection that the server begins is allowed.
 */
@RequiresRoot
class ForbiddenFlowsTest {
    private static final int SERVER = 1;
    private static final int CLIENT = 2;
    private static final int CLIENT_TAG = 0x0c11e270;
    private static final int SERVER_TAG = 0x05e47e40;
    private static final DirectionProgram CLOSED = new DirectionProgram(List.of(new TierProgram(
            Tier.NETWORK_POLICY,
            List.of(),
            Action.DENY,
            List.of(new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web")))));

    private final CraftedPackets packets = new CraftedPackets();
    private final List<AutoCloseable> parts = new ArrayList<>();
    private RoutedNode node;
    private TestNamespace server;
    private TestNamespace client;
    private ConnectionCutter cutter;

    @BeforeEach
    void make() {
        node = keep(new RoutedNode());
        server = node.addPod(RoutedNode.endpoint(SERVER));
        client = node.addPod(RoutedNode.endpoint(CLIENT));
        // The pods' kernels know nothing of these connections and would say so.
        for (TestNamespace pod : List.of(server, client)) {
            pod.exec("iptables", "-A", "OUTPUT", "-j", "DROP");
            pod.exec("ip6tables", "-A", "OUTPUT", "-j", "DROP");
        }
        NetworkNamespace namespace = keep(NetworkNamespace.open(node.namespace().path()));
        cutter = keep(new ConnectionCutter(Conntrack.open(namespace), Set::of));
    }

    private PolicyBackend open(TestBackend kind) {
        PolicyBackend opened = kind.open(node.namespace());
        parts.add(opened::remove);
        Optional<String> missing = opened.probe();
        assumeTrue(missing.isEmpty(), () -> "this machine can't run " + kind + ": " + missing.orElse(""));
        return opened;
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    enum Isolation {
        NONE,
        /** The server lets nobody in, and may talk to anybody. */
        SERVER_INGRESS,
        /** The client may talk to nobody, and lets anybody in. */
        CLIENT_EGRESS
    }

    /** What isolates endpoint 1, the server, or endpoint 2, the client. */
    static PolicyProgram program(Isolation isolation) {
        PodProgram ofServer = new PodProgram(
                RoutedNode.endpoint(SERVER),
                isolation == Isolation.SERVER_INGRESS ? CLOSED : DirectionProgram.OPEN,
                DirectionProgram.OPEN);
        PodProgram ofClient = new PodProgram(
                RoutedNode.endpoint(CLIENT),
                DirectionProgram.OPEN,
                isolation == Isolation.CLIENT_EGRESS ? CLOSED : DirectionProgram.OPEN);
        return new PolicyProgram(
                Map.of(),
                Stream.of(ofServer, ofClient)
                        .collect(Collectors.toMap(pod -> pod.endpoint().hostInterface(), pod -> pod)));
    }

    private void enforce(PolicyBackend backend, Isolation isolation) {
        backend.replace(program(isolation));
        Evaluator evaluator = new Evaluator(program(isolation));
        int _ = cutter.cutAll(evaluator);
        cutter.letGoOn(evaluator);
    }

    /** A connection of a protocol, begun by the client. */
    private record Flow(int protocol, End client, End server) {
        Flow reversed() {
            return new Flow(protocol, server, client);
        }
    }

    private static Flow flow(int protocol, IpFamily family, int clientPort) {
        int address = family == IpFamily.IPV4 ? 0 : 1;
        return new Flow(
                protocol,
                new End(RoutedNode.endpoint(CLIENT).addresses().get(address), clientPort),
                new End(RoutedNode.endpoint(SERVER).addresses().get(address), 80));
    }

    private static List<Flow> flows(IpFamily family, int clientPort) {
        return Stream.of(CraftedPackets.TCP, CraftedPackets.UDP, CraftedPackets.SCTP)
                .map(protocol -> flow(protocol, family, clientPort))
                .toList();
    }

    private byte[] first(Flow flow) {
        return switch (flow.protocol) {
            case CraftedPackets.TCP -> packets.tcp(flow.client, flow.server, CraftedPackets.SYN, 1000, 0);
            case CraftedPackets.UDP -> packets.udp(flow.client, flow.server);
            default -> packets.sctp(flow.client, flow.server, CraftedPackets.INIT, 0, CLIENT_TAG);
        };
    }

    private byte[] answer(Flow flow) {
        return switch (flow.protocol) {
            case CraftedPackets.TCP ->
                packets.tcp(flow.server, flow.client, CraftedPackets.SYN | CraftedPackets.ACK, 5000, 1001);
            case CraftedPackets.UDP -> packets.udp(flow.server, flow.client);
            default -> packets.sctp(flow.server, flow.client, CraftedPackets.INIT_ACK, CLIENT_TAG, SERVER_TAG);
        };
    }

    private byte[] confirmation(Flow flow) {
        return flow.protocol == CraftedPackets.SCTP
                ? packets.sctp(flow.client, flow.server, CraftedPackets.COOKIE_ECHO, SERVER_TAG, 0)
                : laterOfClient(flow).getFirst();
    }

    private List<byte[]> laterOfClient(Flow flow) {
        return switch (flow.protocol) {
            case CraftedPackets.TCP -> List.of(packets.tcp(flow.client, flow.server, CraftedPackets.ACK, 1001, 5001));
            case CraftedPackets.UDP -> List.of(packets.udp(flow.client, flow.server));
            default -> chunks(flow.client, flow.server, SERVER_TAG);
        };
    }

    private List<byte[]> laterOfServer(Flow flow) {
        return switch (flow.protocol) {
            case CraftedPackets.TCP -> List.of(packets.tcp(flow.server, flow.client, CraftedPackets.ACK, 5001, 1001));
            case CraftedPackets.UDP -> List.of(packets.udp(flow.server, flow.client));
            default -> chunks(flow.server, flow.client, CLIENT_TAG);
        };
    }

    private List<byte[]> chunks(End from, End to, int tag) {
        return Stream.of(CraftedPackets.HEARTBEAT, CraftedPackets.DATA, CraftedPackets.SACK)
                .map(chunk -> packets.sctp(from, to, chunk, tag, 1))
                .toList();
    }

    private void begin(List<Flow> flows) {
        assertThat(Probe.inject(client, server, flows.stream().map(this::first).toList()))
                .containsOnly(true);
        assertThat(Probe.inject(server, client, flows.stream().map(this::answer).toList()))
                .containsOnly(true);
        assertThat(Probe.inject(
                        client, server, flows.stream().map(this::confirmation).toList()))
                .containsOnly(true);
        assertThat(fromServer(flows)).as("the server's packets of %s", flows).containsOnly(true);
        assertThat(fromClient(flows)).as("the client's packets of %s", flows).containsOnly(true);
    }

    private List<Boolean> fromServer(List<Flow> flows) {
        return Probe.inject(
                server,
                client,
                flows.stream().map(this::laterOfServer).flatMap(List::stream).toList());
    }

    private List<Boolean> fromClient(List<Flow> flows) {
        return Probe.inject(
                client,
                server,
                flows.stream().map(this::laterOfClient).flatMap(List::stream).toList());
    }

    @ParameterizedTest
    @EnumSource(TestBackend.class)
    void noPacketMakesAForbiddenConnectionAnew(TestBackend kind) {
        PolicyBackend backend = open(kind);
        for (Isolation isolation : List.of(Isolation.SERVER_INGRESS, Isolation.CLIENT_EGRESS)) {
            IpFamily family = isolation == Isolation.SERVER_INGRESS ? IpFamily.IPV4 : IpFamily.IPV6;
            enforce(backend, Isolation.NONE);
            List<Flow> serverFirst = flows(family, 1001);
            List<Flow> clientFirst = flows(family, 2001);
            begin(serverFirst);
            begin(clientFirst);

            enforce(backend, isolation);

            assertThat(fromServer(serverFirst)).as("%s, server's", isolation).containsOnly(false);
            assertThat(fromClient(serverFirst))
                    .as("%s, client's after it", isolation)
                    .containsOnly(false);
            assertThat(fromClient(clientFirst)).as("%s, client's", isolation).containsOnly(false);
            assertThat(fromServer(clientFirst))
                    .as("%s, server's after it", isolation)
                    .containsOnly(false);
            assertThat(fromClient(clientFirst))
                    .as("%s, client's after that", isolation)
                    .containsOnly(false);
            // What the server begins is its own, and so are the answers to that.
            List<Flow> allowed =
                    flows(family, 3001).stream().map(Flow::reversed).toList();
            assertThat(Probe.inject(
                            server, client, allowed.stream().map(this::first).toList()))
                    .containsOnly(true);
            assertThat(Probe.inject(
                            client, server, allowed.stream().map(this::answer).toList()))
                    .containsOnly(true);
        }
    }

    @Test
    void forbiddenConnectionIsHandedOverAsForbidden() {
        PolicyBackend backend = open(TestBackend.EBPF);
        List<Flow> flows =
                List.of(flow(CraftedPackets.UDP, IpFamily.IPV4, 1001), flow(CraftedPackets.UDP, IpFamily.IPV6, 1001));
        enforce(backend, Isolation.NONE);
        assertThat(fromClient(flows)).containsOnly(true);
        assertThat(fromServer(flows)).containsOnly(true);
        enforce(backend, Isolation.SERVER_INGRESS);
        assertThat(fromClient(flows)).containsOnly(false);

        backend.handOver();
        PolicyBackend next = open(TestBackend.NFTABLES);
        next.replace(program(Isolation.SERVER_INGRESS));
        backend.remove();

        assertThat(fromServer(flows)).containsOnly(false);
        assertThat(fromClient(flows)).containsOnly(false);
    }

    @ParameterizedTest
    @EnumSource(TestBackend.class)
    void whatIsAllowedAgainGoesOn(TestBackend kind) {
        PolicyBackend backend = open(kind);
        List<Flow> flows =
                List.of(flow(CraftedPackets.UDP, IpFamily.IPV4, 1001), flow(CraftedPackets.UDP, IpFamily.IPV6, 1001));
        enforce(backend, Isolation.NONE);
        assertThat(fromClient(flows)).containsOnly(true);
        assertThat(fromServer(flows)).containsOnly(true);
        enforce(backend, Isolation.SERVER_INGRESS);
        assertThat(fromServer(flows)).containsOnly(false);
        assertThat(fromClient(flows)).containsOnly(false);

        enforce(backend, Isolation.NONE);

        assertThat(fromServer(flows)).containsOnly(true);
        assertThat(fromClient(flows)).containsOnly(true);
    }
}
