package dev.ikat.ebpf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cluster.Protocol;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Action;
import dev.ikat.policy.program.CompiledRule;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.PortSpan;
import dev.ikat.policy.program.RuleId;
import dev.ikat.policy.program.Tier;
import dev.ikat.policy.program.TierProgram;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Packets made by hand, from one pod to another: where their headers are looked for, and how far. */
@RequiresRoot
class PacketHeadersTest {
    private static final ObjectKey POLICY = new ObjectKey(ObjectKind.NETWORK_POLICY, "shop", "web");
    private static final int UDP = 17;
    private static final int ICMP = 1;
    private static final int ICMPV6 = 58;
    private static final int HOP_BY_HOP = 0;
    private static final int ROUTING = 43;
    private static final int FRAGMENT = 44;
    private static final int AUTHENTICATION = 51;
    private static final int DESTINATION = 60;
    private static final int MORE_FRAGMENTS = 0x2000;

    private RoutedNode node;
    private TestNamespace server;
    private TestNamespace client;
    private NodeBackend backend;
    /** None that a packet of the kernel's ends with. */
    private long marks = 0x696b6174_00000000L;

    @BeforeEach
    void make() {
        node = new RoutedNode();
        server = node.addPod(RoutedNode.endpoint(1));
        client = node.addPod(RoutedNode.endpoint(2));
        backend = new NodeBackend(node.namespace(), EbpfSettings.USUAL);
    }

    @AfterEach
    void close() {
        backend.close();
        node.close();
    }

    private static IpAddress address(int pod, IpFamily family) {
        return RoutedNode.endpoint(pod).addresses().get(family == IpFamily.IPV4 ? 0 : 1);
    }

    /** Of the pod with this number nothing is let in but this, if anything. */
    private void isolate(int pod, PortSpan... ports) {
        isolate(Set.of(pod), ports);
    }

    private void isolate(Set<Integer> isolatedPods, PortSpan... ports) {
        List<CompiledRule> rules = ports.length == 0
                ? List.of()
                : List.of(new CompiledRule(
                        new RuleId(POLICY, Direction.INGRESS, 0), Action.ACCEPT, List.of(), List.of(ports)));
        DirectionProgram isolated = new DirectionProgram(
                List.of(new TierProgram(Tier.NETWORK_POLICY, rules, Action.DENY, List.of(POLICY))));
        Map<InterfaceName, PodProgram> pods = Stream.of(1, 2)
                .map(number -> new PodProgram(
                        RoutedNode.endpoint(number),
                        isolatedPods.contains(number) ? isolated : DirectionProgram.OPEN,
                        DirectionProgram.OPEN))
                .collect(Collectors.toMap(program -> program.endpoint().hostInterface(), program -> program));
        backend.replace(new PolicyProgram(Map.of(), pods));
    }

    private byte[] udp(int from, int to) {
        return ByteBuffer.allocate(16)
                .putShort((short) from)
                .putShort((short) to)
                .putShort((short) 16)
                .putShort((short) 0)
                .putLong(++marks)
                .array();
    }

    private static byte[] ip(int from, int to, IpFamily family, int protocol, int fragment, byte[] payload) {
        ByteBuffer packet = ByteBuffer.allocate((family == IpFamily.IPV4 ? 20 : 40) + payload.length);
        if (family == IpFamily.IPV4) {
            packet.putShort((short) 0x4500)
                    .putShort((short) packet.capacity())
                    .putShort((short) 7)
                    .putShort((short) fragment)
                    .put((byte) 64)
                    .put((byte) protocol)
                    .putShort((short) 0);
        } else {
            packet.putInt(0x60000000)
                    .putShort((short) payload.length)
                    .put((byte) protocol)
                    .put((byte) 64);
        }
        packet.put(address(from, family).toBytes()).put(address(to, family).toBytes());
        if (family == IpFamily.IPV4) {
            packet.putShort(10, checksum(packet.array(), 0, 20, 0));
        }
        return packet.put(payload).array();
    }

    /** RFC 1071. */
    private static short checksum(byte[] bytes, int from, int to, long begin) {
        long sum = begin;
        for (int i = from; i < to; i += 2) {
            sum += (bytes[i] & 0xff) << 8 | (i + 1 < to ? bytes[i + 1] & 0xff : 0);
        }
        while (sum > 0xffff) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        return (short) ~sum;
    }

    /** These headers, eight bytes each, and a datagram to the port. */
    private byte[] headers(int port, List<Integer> kinds) {
        ByteBuffer payload = ByteBuffer.allocate(8 * kinds.size() + 16);
        for (int i = 0; i < kinds.size(); i++) {
            int kind = kinds.get(i);
            payload.put((byte) (i + 1 < kinds.size() ? kinds.get(i + 1) : UDP));
            switch (kind) {
                // Of options those that pad; of an authentication header its length in words, less two.
                case HOP_BY_HOP, DESTINATION -> payload.put(new byte[] {0, 1, 4, 0, 0, 0, 0});
                case AUTHENTICATION, ROUTING, FRAGMENT -> payload.put(new byte[7]);
                default -> throw new IllegalArgumentException("no header " + kind);
            }
        }
        payload.put(udp(5000, port));
        return ip(2, 1, IpFamily.IPV6, kinds.isEmpty() ? UDP : kinds.getFirst(), 0, payload.array());
    }

    @Test
    void extensionHeadersAreWalkedUpToABound() {
        isolate(1, new PortSpan(Protocol.UDP, 80, 80));
        List<List<Integer>> chains = new ArrayList<>();
        for (int length = 0; length <= 7; length++) {
            chains.add(Collections.nCopies(length, DESTINATION));
        }
        chains.add(List.of(HOP_BY_HOP, DESTINATION, ROUTING, DESTINATION));
        chains.add(List.of(HOP_BY_HOP, FRAGMENT));
        chains.add(List.of(AUTHENTICATION, DESTINATION));
        List<byte[]> allowed = chains.stream().map(chain -> headers(80, chain)).toList();
        List<byte[]> denied =
                new ArrayList<>(chains.stream().map(chain -> headers(81, chain)).toList());
        denied.add(headers(80, Collections.nCopies(8, DESTINATION)));
        assertThat(Probe.inject(client, server, allowed)).hasSameSizeAs(allowed).containsOnly(true);
        assertThat(Probe.inject(client, server, denied)).hasSameSizeAs(denied).containsOnly(false);
    }

    /** An error that a router between the two would send about the client's datagram. */
    private byte[] error(IpFamily family, int fragment, int port) {
        byte[] datagram = udp(port, 99);
        byte[] quoted;
        if (family == IpFamily.IPV4) {
            quoted = ip(2, 1, family, UDP, fragment, datagram);
        } else {
            int field = (fragment & 0x1fff) << 3 | ((fragment & MORE_FRAGMENTS) != 0 ? 1 : 0);
            quoted = ip(
                    2,
                    1,
                    family,
                    FRAGMENT,
                    0,
                    ByteBuffer.allocate(8 + datagram.length)
                            .put((byte) UDP)
                            .put((byte) 0)
                            .putShort((short) field)
                            .putInt(7)
                            .put(datagram)
                            .array());
        }
        // Fragmentation needed, of IPv6 packet too big, at an MTU of 1400.
        ByteBuffer message = ByteBuffer.allocate(8 + quoted.length)
                .putShort((short) (family == IpFamily.IPV4 ? 0x0304 : 0x0200))
                .putShort((short) 0)
                .putInt(1400)
                .put(quoted);
        long pseudo = 0;
        if (family == IpFamily.IPV6) {
            byte[] ends = ByteBuffer.allocate(32)
                    .put(address(1, family).toBytes())
                    .put(address(2, family).toBytes())
                    .array();
            pseudo = Short.toUnsignedLong((short) ~checksum(ends, 0, ends.length, 0)) + message.capacity() + ICMPV6;
        }
        message.putShort(2, checksum(message.array(), 0, message.capacity(), pseudo));
        return ip(1, 2, family, family == IpFamily.IPV4 ? ICMP : ICMPV6, 0, message.array());
    }

    @ParameterizedTest
    @EnumSource(IpFamily.class)
    void errorMayQuoteTheFirstFragmentButNoOther(IpFamily family) throws Exception {
        isolate(2);
        DatagramSocket socket = InNamespace.call(client.path(), () -> {
            try {
                return new DatagramSocket();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        try (socket) {
            InetSocketAddress to = new InetSocketAddress(address(1, family).toInetAddress(), 99);
            socket.send(new java.net.DatagramPacket(new byte[4000], 4000, to));
            int port = socket.getLocalPort();
            List<byte[]> errors = List.of(
                    error(family, 0, port),
                    error(family, MORE_FRAGMENTS, port),
                    error(family, MORE_FRAGMENTS | 100, port),
                    error(family, 100, port),
                    error(family, MORE_FRAGMENTS, port ^ 1));
            assertThat(Probe.inject(server, client, errors)).containsExactly(true, true, false, false, false);

            // Nor of a connection that policy has come to forbid.
            isolate(Set.of(1, 2));
            assertThat(Probe.inject(server, client, errors)).containsOnly(false);
        }
    }
}
