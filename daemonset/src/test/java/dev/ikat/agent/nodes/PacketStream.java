package dev.ikat.agent.nodes;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.BitSet;
import java.util.concurrent.locks.LockSupport;

/** Numbered datagrams from one pod to another, 200 a second, and which of them have arrived. */
final class PacketStream implements AutoCloseable {
    private static final Duration INTERVAL = Duration.ofMillis(5);
    private static final Duration ARRIVAL_LIMIT = Duration.ofSeconds(2);

    private final DatagramChannel sender;
    private final DatagramChannel receiver;
    private final BitSet arrived = new BitSet();
    private final Thread sending;
    private volatile boolean over;
    private int sent;

    private PacketStream(DatagramChannel sender, DatagramChannel receiver, InetSocketAddress to) {
        this.sender = sender;
        this.receiver = receiver;
        Thread.ofPlatform().daemon().start(this::receive);
        sending = Thread.ofPlatform().daemon().start(() -> send(to));
    }

    static PacketStream start(TestNamespace from, TestNamespace to, IpAddress address, int port) {
        InetAddress destination = address.toInetAddress();
        return new PacketStream(
                open(from, new InetSocketAddress(0)),
                open(to, new InetSocketAddress(destination, port)),
                new InetSocketAddress(destination, port));
    }

    private static DatagramChannel open(TestNamespace namespace, InetSocketAddress local) {
        return InNamespace.call(namespace.path(), () -> {
            try {
                return DatagramChannel.open().bind(local);
            } catch (IOException e) {
                throw new UncheckedIOException("no socket at " + local + " in " + namespace, e);
            }
        });
    }

    private void send(InetSocketAddress to) {
        try {
            while (!over) {
                sender.send(ByteBuffer.allocate(Integer.BYTES).putInt(0, sent), to);
                sent++;
                LockSupport.parkNanos(INTERVAL.toNanos());
            }
        } catch (IOException e) {
            // The pod is gone; what was sent before counts.
        }
    }

    private void receive() {
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES);
        try {
            while (receiver.receive(buffer.clear()) != null) {
                synchronized (arrived) {
                    arrived.set(buffer.getInt(0));
                }
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    /** How many have arrived. */
    int arrived() {
        synchronized (arrived) {
            return arrived.cardinality();
        }
    }

    /** Sends no more, and returns how many it were when the last of them have had time to arrive. */
    int end() {
        over = true;
        try {
            sending.join();
            Await.until(ARRIVAL_LIMIT, () -> "not all have arrived", () -> arrived() == sent);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (CommandFailedException e) {
            // Whoever asks compares.
        }
        return sent;
    }

    @Override
    public void close() {
        over = true;
        try (sender;
                receiver) {
            sending.join();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
