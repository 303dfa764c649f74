package dev.ikat.backendtests;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A node with a client and three servers as pods, and somebody outside. */
final class ServiceScene implements AutoCloseable {
    /** The pod that connects. */
    static final int CLIENT = 1;

    /** The pods that serve. */
    static final List<Integer> SERVERS = List.of(2, 3, 4);

    /** At which port they serve. */
    static final int PORT = Witness.PORT;

    private static final String UPLINK = "out0";
    private static final Duration LIMIT = Duration.ofSeconds(2);

    private final RoutedNode node = new RoutedNode();
    private final TestNamespace outside = TestNamespace.create();
    private final Map<Integer, TestNamespace> pods = new TreeMap<>();
    private final List<Witness> servers = new ArrayList<>();

    ServiceScene() {
        for (int number = CLIENT; number <= 4; number++) {
            pods.put(number, node.addPod(RoutedNode.endpoint(number)));
        }
        TestNamespace host = node.namespace();
        host.ip("link", "set", "lo", "up");
        host.ip("link", "add", UPLINK, "type", "veth", "peer", "name", UPLINK, "netns", outside.name());
        wire(host, 1, 2);
        wire(outside, 2, 1);
        SERVERS.forEach(number -> servers.add(new Witness(pod(number), number)));
    }

    private static void wire(TestNamespace end, int own, int other) {
        end.ip("link", "set", UPLINK, "addrgenmode", "none", "up");
        end.ip("address", "add", "172.31.9." + own + "/24", "dev", UPLINK);
        end.ip("address", "add", "fd31:9::" + own + "/64", "dev", UPLINK, "nodad");
        end.ip("route", "add", "default", "via", "172.31.9." + other);
        end.ip("route", "add", "default", "via", "fd31:9::" + other);
    }

    /** The node. */
    TestNamespace host() {
        return node.namespace();
    }

    /** Somebody outside, whose default route is the node. */
    TestNamespace outside() {
        return outside;
    }

    /** The address of who is outside. */
    static IpAddress outsideAddress(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "172.31.9.2" : "fd31:9::2");
    }

    /** The node's address towards who is outside. */
    static IpAddress nodeAddress(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "172.31.9.1" : "fd31:9::1");
    }

    TestNamespace pod(int number) {
        TestNamespace pod = pods.get(number);
        if (pod == null) {
            throw new IllegalArgumentException("there is no pod " + number);
        }
        return pod;
    }

    static IpAddress podAddress(int number, IpFamily family) {
        return RoutedNode.endpoint(number).addresses().stream()
                .filter(address -> address.family() == family)
                .findFirst()
                .orElseThrow();
    }

    /** Connects from a namespace. */
    Socket connect(TestNamespace from, IpAddress address, int port) throws IOException {
        return Witness.connect(from, address, port, LIMIT);
    }

    /** Connects, asks and closes. */
    Witness.Answer ask(TestNamespace from, IpAddress address, int port) throws IOException {
        return Witness.ask(from, address, port, LIMIT);
    }

    /** Sends one datagram and waits for the answer. */
    Witness.Answer askByDatagram(TestNamespace from, IpAddress address, int port) throws IOException {
        return Witness.askByDatagram(from, address, port, LIMIT);
    }

    @Override
    public void close() {
        servers.forEach(Witness::close);
        outside.close();
        node.close();
    }
}
