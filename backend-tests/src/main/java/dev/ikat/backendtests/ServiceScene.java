package dev.ikat.backendtests;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A node with a client and three servers as pods, and somebody outside. Each server says who it is and which source
 * address it sees.
 */
final class ServiceScene implements AutoCloseable {
    /** The pod that connects. */
    static final int CLIENT = 1;

    /** The pods that serve. */
    static final List<Integer> SERVERS = List.of(2, 3, 4);

    /** At which port they serve. */
    static final int PORT = 8080;

    private static final String UPLINK = "out0";
    private static final Duration LIMIT = Duration.ofSeconds(2);

    private final RoutedNode node = new RoutedNode();
    private final TestNamespace outside = TestNamespace.create();
    private final Map<Integer, TestNamespace> pods = new TreeMap<>();
    private final List<AutoCloseable> sockets = new ArrayList<>();

    /**
     * What a server said.
     *
     * @param server its number
     * @param source the client's address as it sees it
     */
    record Answer(int server, IpAddress source) {}

    ServiceScene() {
        for (int number = CLIENT; number <= 4; number++) {
            pods.put(number, node.addPod(RoutedNode.endpoint(number)));
        }
        TestNamespace host = node.namespace();
        host.ip("link", "set", "lo", "up");
        host.ip("link", "add", UPLINK, "type", "veth", "peer", "name", UPLINK, "netns", outside.name());
        wire(host, 1, 2);
        wire(outside, 2, 1);
        SERVERS.forEach(number -> {
            serve(number);
            serveDatagrams(number);
        });
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

    private void serve(int number) {
        ServerSocket server = InNamespace.call(pod(number).path(), () -> {
            try {
                return new ServerSocket(PORT, 64, InetAddress.ofLiteral("::"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        sockets.add(server);
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    Socket connection = server.accept();
                    Thread.ofPlatform().daemon().start(() -> answer(number, connection));
                }
            } catch (IOException e) {
                // The scene is closed.
            }
        });
    }

    /** Each byte that comes is answered, so that a connection can be kept open and tried again. */
    private static void answer(int number, Socket connection) {
        try (connection) {
            String line = number + " " + connection.getInetAddress().getHostAddress() + "\n";
            while (connection.getInputStream().read() >= 0) {
                connection.getOutputStream().write(line.getBytes(UTF_8));
            }
        } catch (IOException e) {
            // The client has gone.
        }
    }

    private void serveDatagrams(int number) {
        DatagramSocket server = InNamespace.call(pod(number).path(), () -> {
            try {
                return new DatagramSocket(PORT, InetAddress.ofLiteral("::"));
            } catch (SocketException e) {
                throw new UncheckedIOException(e);
            }
        });
        sockets.add(server);
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    DatagramPacket packet = new DatagramPacket(new byte[1], 1);
                    server.receive(packet);
                    byte[] line = (number + " " + packet.getAddress().getHostAddress() + "\n").getBytes(UTF_8);
                    server.send(new DatagramPacket(line, line.length, packet.getSocketAddress()));
                }
            } catch (IOException e) {
                // The scene is closed.
            }
        });
    }

    /** Connects from a namespace. */
    Socket connect(TestNamespace from, IpAddress address, int port) throws IOException {
        return connect(from, address, port, LIMIT);
    }

    private static Socket connect(TestNamespace from, IpAddress address, int port, Duration limit) throws IOException {
        try {
            return InNamespace.call(from.path(), () -> {
                Socket socket = new Socket();
                try {
                    socket.setSoTimeout((int) limit.toMillis());
                    socket.connect(new InetSocketAddress(address.toInetAddress(), port), (int) limit.toMillis());
                    return socket;
                } catch (IOException e) {
                    try {
                        socket.close();
                    } catch (IOException again) {
                        e.addSuppressed(again);
                    }
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Asks who is at the other end of a connection. */
    static Answer ask(Socket connection) throws IOException {
        connection.getOutputStream().write('?');
        StringBuilder line = new StringBuilder();
        int next;
        while ((next = connection.getInputStream().read()) >= 0 && next != '\n') {
            line.append((char) next);
        }
        return read(line.toString());
    }

    private static Answer read(String line) {
        String[] words = line.strip().split(" ", -1);
        return new Answer(Integer.parseInt(words[0]), IpAddress.parse(words[1].replaceFirst("%.*", "")));
    }

    /** Connects, asks and closes. */
    Answer ask(TestNamespace from, IpAddress address, int port) throws IOException {
        return ask(from, address, port, LIMIT);
    }

    /** The same, and waits for so long. */
    Answer ask(TestNamespace from, IpAddress address, int port, Duration limit) throws IOException {
        try (Socket connection = connect(from, address, port, limit)) {
            return ask(connection);
        }
    }

    /** Sends one datagram and waits for the answer. */
    Answer askByDatagram(TestNamespace from, IpAddress address, int port) throws IOException {
        return askByDatagram(from, address, port, LIMIT);
    }

    /** The same, and waits for so long. */
    Answer askByDatagram(TestNamespace from, IpAddress address, int port, Duration limit) throws IOException {
        try {
            return InNamespace.call(from.path(), () -> {
                try (DatagramSocket socket = new DatagramSocket()) {
                    socket.setSoTimeout((int) limit.toMillis());
                    socket.connect(new InetSocketAddress(address.toInetAddress(), port));
                    socket.send(new DatagramPacket(new byte[] {'?'}, 1));
                    DatagramPacket answer = new DatagramPacket(new byte[200], 200);
                    socket.receive(answer);
                    return read(new String(answer.getData(), 0, answer.getLength(), UTF_8));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    @Override
    public void close() {
        for (AutoCloseable socket : sockets) {
            try {
                socket.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        outside.close();
        node.close();
    }
}
