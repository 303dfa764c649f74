package dev.ikat.cni;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A node with a service and a way out, both by translating addresses, whose one address for pods is given to one and,
 * when that is gone, to another.
 */
@RequiresRoot
@RequiresProgram("conntrack")
class ConnectionsEndTest {
    private static final String POD = "10.77.0.9";
    private static final InetSocketAddress SERVICE = new InetSocketAddress("10.96.0.1", 53);
    private static final int PORT = 5353;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @TempDir
    private Path directory;

    private final List<AutoCloseable> parts = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable part : parts.reversed()) {
            part.close();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void noDatagramOfAFormerPodsConnectionsReachesWhoHasItsAddressNext(boolean batched) throws IOException {
        Node node = keep(new Node(directory, Node.dualStack(), StepObserver.NONE, batched));
        TestNamespace outside = keep(TestNamespace.create());
        connect(node.namespace, outside);
        // Another service stays: where no rule translates, the kernel tracks no connections.
        node.namespace.exec(
                "iptables",
                "-t",
                "nat",
                "-A",
                "PREROUTING",
                "-d",
                "10.96.0.2",
                "-j",
                "DNAT",
                "--to-destination",
                "10.96.0.3");
        nat(node.namespace, "-A");
        TestNamespace former = keep(TestNamespace.create());
        add(node, "former", former);
        DatagramSocket caller = socket(outside, 1001);
        DatagramSocket called = socket(outside, 1002);
        DatagramSocket server = socket(former, PORT);
        InetSocketAddress seen = deliver(caller, SERVICE, server);
        assertThat(deliver(server, seen, caller)).isEqualTo(SERVICE);
        InetSocketAddress translated = deliver(server, new InetSocketAddress("10.99.0.2", 1002), called);
        assertThat(translated).isNotEqualTo(new InetSocketAddress(POD, PORT));
        deliver(called, translated, server);
        deliver(called, new InetSocketAddress(POD, PORT), server);
        assertThat(connections(node)).contains("src=" + POD, "dst=" + POD, "dst=10.96.0.1");

        node.del("former", former);
        Await.until(
                PATIENCE, () -> "the lease stays", () -> node.leases.leases().isEmpty());

        assertThat(connections(node)).doesNotContain(POD);
        nat(node.namespace, "-D");
        TestNamespace next = keep(TestNamespace.create());
        add(node, "next", next);
        DatagramSocket successor = socket(next, PORT);
        // What begins anew is let in, where no policy is.
        deliver(called, new InetSocketAddress(POD, PORT), successor);
        while (arrives(successor)) {
            // It may have been sent again.
        }
        send(caller, SERVICE);
        send(called, translated);
        assertThat(arrives(successor)).isFalse();
    }

    private static void connect(TestNamespace node, TestNamespace outside) {
        node.sysctl("net.ipv4.ip_forward", "1");
        node.ip("link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", outside.name());
        node.ip("addr", "add", "10.99.0.1/24", "dev", "up0");
        node.ip("link", "set", "up0", "up");
        outside.ip("addr", "add", "10.99.0.2/24", "dev", "eth0");
        outside.ip("link", "set", "eth0", "up");
        outside.ip("route", "add", "default", "via", "10.99.0.1");
    }

    /** As services and masquerading do it. */
    private static void nat(TestNamespace node, String command) {
        node.exec("iptables -t nat %s PREROUTING -d 10.96.0.1 -p udp --dport 53 -j DNAT --to-destination %s:%d"
                .formatted(command, POD, PORT)
                .split(" "));
        node.exec("iptables -t nat %s POSTROUTING -s %s -o up0 -p udp -j MASQUERADE --to-ports 4000-4100"
                .formatted(command, POD)
                .split(" "));
    }

    private static void add(Node node, String container, TestNamespace pod) {
        CniResponse response = node.call(
                Verb.ADD,
                Map.of(
                        "CNI_CONTAINERID",
                        container,
                        "CNI_IFNAME",
                        "eth0",
                        "CNI_NETNS",
                        pod.path().toString(),
                        "CNI_ARGS",
                        "IP=" + POD),
                Node.CONFIG.formatted(""));
        assertThat(response.exitCode()).as(Node.text(response)).isZero();
    }

    private static String connections(Node node) {
        return node.namespace.exec("conntrack", "-L", "-p", "udp");
    }

    private DatagramSocket socket(TestNamespace namespace, int port) {
        try (NetworkNamespace inside = NetworkNamespace.open(namespace.path())) {
            DatagramSocket socket = inside.call(() -> {
                try {
                    return new DatagramSocket(port);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            socket.setSoTimeout(300);
            return keep(socket);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void send(DatagramSocket from, InetSocketAddress to) throws IOException {
        from.send(new DatagramPacket(new byte[] {7}, 1, to));
    }

    /** Sends until it arrives, as a link that was just set up loses packets; returns who it seems to be from. */
    private static InetSocketAddress deliver(DatagramSocket from, InetSocketAddress to, DatagramSocket receiver)
            throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[10], 10);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            send(from, to);
            try {
                receiver.receive(packet);
                return (InetSocketAddress) packet.getSocketAddress();
            } catch (SocketTimeoutException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
            }
        }
    }

    private static boolean arrives(DatagramSocket socket) throws IOException {
        try {
            socket.receive(new DatagramPacket(new byte[10], 10));
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.add(part);
        return part;
    }
}
