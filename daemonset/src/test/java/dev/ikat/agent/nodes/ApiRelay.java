package dev.ikat.agent.nodes;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The only way from the nodes to their API server: listens in a namespace of the test and passes on what comes from the
 * machine's own, where the server is. While it is interrupted, the server is gone for the nodes: open connections end,
 * and new ones are refused.
 */
final class ApiRelay implements AutoCloseable {
    private static final int BUFFER = 64 * 1024;

    private final TestNamespace namespace;
    private final InetSocketAddress address;
    private final InetSocketAddress server;
    private final List<SocketChannel> connections = new CopyOnWriteArrayList<>();
    private Optional<ServerSocketChannel> listener = Optional.empty();

    /** Listens at once, at an address of the namespace. */
    ApiRelay(TestNamespace namespace, InetSocketAddress address, InetSocketAddress server) {
        this.namespace = namespace;
        this.address = address;
        this.server = server;
        resume();
    }

    /** The server is there again, if it was gone. */
    synchronized void resume() {
        if (listener.isPresent()) {
            return;
        }
        // A socket stays in the namespace in which it was made, whichever thread uses it.
        ServerSocketChannel opened = InNamespace.call(namespace.path(), this::listen);
        listener = Optional.of(opened);
        Thread.ofVirtual().name("api-relay").start(() -> accept(opened));
    }

    private ServerSocketChannel listen() {
        try {
            return ServerSocketChannel.open()
                    .setOption(StandardSocketOptions.SO_REUSEADDR, true)
                    .bind(address);
        } catch (IOException e) {
            throw new UncheckedIOException("can't listen at " + address, e);
        }
    }

    /** The server is gone. */
    synchronized void interrupt() {
        listener.ifPresent(ApiRelay::close);
        listener = Optional.empty();
        connections.forEach(ApiRelay::close);
        connections.clear();
    }

    private void accept(ServerSocketChannel from) {
        try {
            while (true) {
                SocketChannel client = from.accept();
                Thread.ofVirtual().start(() -> relay(from, client));
            }
        } catch (IOException e) {
            // Interrupted.
        }
    }

    private void relay(ServerSocketChannel from, SocketChannel client) {
        try (client;
                SocketChannel beyond = SocketChannel.open(server)) {
            synchronized (this) {
                if (!from.isOpen()) {
                    return;
                }
                connections.add(client);
                connections.add(beyond);
            }
            Thread back = Thread.ofVirtual().start(() -> copy(beyond, client));
            copy(client, beyond);
            back.join();
            connections.removeAll(List.of(client, beyond));
        } catch (IOException e) {
            // The server does not take it: neither does this.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void copy(SocketChannel from, SocketChannel to) {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        try {
            while (from.read(buffer.clear()) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    to.write(buffer);
                }
            }
            to.shutdownOutput();
        } catch (IOException e) {
            close(from);
            close(to);
        }
    }

    private static void close(AutoCloseable channel) {
        try {
            channel.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        interrupt();
    }
}
