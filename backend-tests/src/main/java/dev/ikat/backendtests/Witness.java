package dev.ikat.backendtests;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.ikat.model.IpAddress;
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

/** A pod's server that says by TCP and by UDP who it is and which source address it sees. */
public final class Witness implements AutoCloseable {
    /** At which port it serves. */
    public static final int PORT = 8080;

    private final ServerSocket connections;
    private final DatagramSocket datagrams;

    /**
     * What a server said.
     *
     * @param server its number
     * @param source the client's address as it sees it
     */
    public record Answer(int server, IpAddress source) {}

    /** Serves until it is closed. */
    public Witness(TestNamespace pod, int number) {
        connections = InNamespace.call(pod.path(), () -> {
            try {
                return new ServerSocket(PORT, 64, InetAddress.ofLiteral("::"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        datagrams = InNamespace.call(pod.path(), () -> {
            try {
                return new DatagramSocket(PORT, InetAddress.ofLiteral("::"));
            } catch (SocketException e) {
                throw new UncheckedIOException(e);
            }
        });
        Thread.ofPlatform().daemon().start(() -> serve(number));
        Thread.ofPlatform().daemon().start(() -> serveDatagrams(number));
    }

    private void serve(int number) {
        try {
            while (true) {
                Socket connection = connections.accept();
                Thread.ofPlatform().daemon().start(() -> answer(number, connection));
            }
        } catch (IOException e) {
            // It is closed.
        }
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
        try {
            while (true) {
                DatagramPacket packet = new DatagramPacket(new byte[1], 1);
                datagrams.receive(packet);
                byte[] line = (number + " " + packet.getAddress().getHostAddress() + "\n").getBytes(UTF_8);
                datagrams.send(new DatagramPacket(line, line.length, packet.getSocketAddress()));
            }
        } catch (IOException e) {
            // It is closed.
        }
    }

    /** Connects from a namespace, within so long. */
    public static Socket connect(TestNamespace from, IpAddress address, int port, Duration limit) throws IOException {
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
    public static Answer ask(Socket connection) throws IOException {
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

    /** Connects, asks and closes; each answer has to come within so long. */
    public static Answer ask(TestNamespace from, IpAddress address, int port, Duration limit) throws IOException {
        try (Socket connection = connect(from, address, port, limit)) {
            return ask(connection);
        }
    }

    /** Sends one datagram and waits so long for the answer. */
    public static Answer askByDatagram(TestNamespace from, IpAddress address, int port, Duration limit)
            throws IOException {
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
        try {
            connections.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            datagrams.close();
        }
    }
}
