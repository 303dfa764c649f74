package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** A server that sends back byte for byte, and what connections to it cost. */
final class Echo implements AutoCloseable {
    private static final int CONNECTIONS = 400;
    private static final int ROUND_TRIPS = 3000;

    private final ServerSocketChannel listening;

    /** Serves until it is closed. */
    Echo(TestNamespace namespace, int port) {
        listening = InNamespace.call(namespace.path(), () -> {
            try {
                return ServerSocketChannel.open().bind(new InetSocketAddress(port), 1024);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        Thread.ofPlatform().daemon().start(this::serve);
    }

    private void serve() {
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        while (true) {
            try (SocketChannel accepted = listening.accept()) {
                accepted.setOption(StandardSocketOptions.TCP_NODELAY, true);
                for (one.clear(); accepted.read(one) > 0; one.clear()) {
                    accepted.write(one.flip());
                }
            } catch (IOException e) {
                if (!listening.isOpen()) {
                    return;
                }
            }
        }
    }

    /** Adds one value to each of these samples, of connections from a namespace to this address. */
    static void measure(TestNamespace from, InetSocketAddress to, Samples perSecond, Samples trips) {
        InNamespace.call(from.path(), () -> {
            try {
                perSecond.add(CONNECTIONS / seconds(to, CONNECTIONS, 1));
                trips.add(1e6 * seconds(to, 1, ROUND_TRIPS) / ROUND_TRIPS);
                return true;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static double seconds(InetSocketAddress to, int count, int echoes) throws IOException {
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            try (SocketChannel socket = SocketChannel.open()) {
                // Closed by a reset: no port waits for stray segments.
                socket.setOption(StandardSocketOptions.SO_LINGER, 0);
                socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
                socket.connect(to);
                for (int echo = 0; echo < echoes; echo++) {
                    one.clear();
                    socket.write(one);
                    one.clear();
                    if (socket.read(one) != 1) {
                        throw new IOException("the server has closed the connection");
                    }
                }
            }
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** Whether an address answers within a second. */
    static boolean answers(TestNamespace from, InetSocketAddress to) {
        return InNamespace.call(from.path(), () -> {
            try (Socket socket = new Socket()) {
                socket.connect(to, 1000);
                return true;
            } catch (IOException e) {
                return false;
            }
        });
    }

    @Override
    public void close() {
        try {
            listening.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
