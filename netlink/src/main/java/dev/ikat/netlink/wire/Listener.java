package dev.ikat.netlink.wire;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.MalformedMessageException;
import dev.ikat.netlink.NetlinkException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A socket for notifications: waits until the kernel sends some, the timeout ends, or another thread closes it. Lost
 * notifications and those that are not understood are reported as events, in their place among the others.
 */
public final class Listener implements AutoCloseable {
    /** Returned to the caller before more is taken. */
    private static final int MAX_EVENTS_A_POLL = 4096;

    private static final int EFD_CLOEXEC = 0x80000;

    /** Struct pollfd, poll(2): fd, events, revents. */
    private static final SequenceLayout POLLFDS = MemoryLayout.sequenceLayout(
            2,
            MemoryLayout.structLayout(
                    ValueLayout.JAVA_INT.withName("fd"),
                    ValueLayout.JAVA_SHORT.withName("events"),
                    ValueLayout.JAVA_SHORT.withName("revents")));

    private static final long POLLFD = POLLFDS.elementLayout().byteSize();
    private static final short POLLIN = 1;

    private final ReentrantLock lock = new ReentrantLock();
    private final NetlinkSocket socket;
    private final int wakeup;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Listener(NetlinkSocket socket, int wakeup) {
        this.socket = socket;
        this.wakeup = wakeup;
    }

    /**
     * Opens a socket in the calling thread's namespace.
     *
     * @param protocol NETLINK_*
     * @param receiveBuffer the size of its receive buffer in bytes
     * @param subscription joins the groups that are to be listened to
     */
    public static Listener open(int protocol, int receiveBuffer, Consumer<NetlinkSocket> subscription) {
        NetlinkSocket socket = NetlinkSocket.open(protocol);
        try {
            socket.receiveBuffer(receiveBuffer);
            subscription.accept(socket);
            int wakeup = Libc.eventfd(0, EFD_CLOEXEC);
            if (wakeup < 0) {
                throw new NetlinkException("make an eventfd", -wakeup);
            }
            return new Listener(socket, wakeup);
        } catch (RuntimeException | Error e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Waits at most this long, then returns all events that have arrived, in order; empty if none have, or if this is
     * closed meanwhile.
     *
     * @param lost turns the reason why some are missing into an event
     * @throws IllegalStateException if this was closed before
     */
    public <T> List<T> poll(Duration timeout, Function<MessageReader, Optional<T>> reader, Function<String, T> lost) {
        lock.lock();
        try {
            if (closed.get()) {
                throw new IllegalStateException("this monitor was closed");
            }
            List<T> events = new ArrayList<>();
            if (await(timeout) && !closed.get()) {
                int datagrams = 0;
                while (events.size() < MAX_EVENTS_A_POLL
                        && datagrams++ < MAX_EVENTS_A_POLL
                        && take(reader, lost, events)) {
                    // One datagram after the other.
                }
            }
            return events;
        } finally {
            lock.unlock();
        }
    }

    private boolean await(Duration timeout) {
        int millis = Math.clamp(timeout.toMillis(), 0, Integer.MAX_VALUE);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment descriptors = arena.allocate(POLLFDS);
            descriptors.set(ValueLayout.JAVA_INT, 0, socket.fd());
            descriptors.set(ValueLayout.JAVA_SHORT, Integer.BYTES, POLLIN);
            descriptors.set(ValueLayout.JAVA_INT, POLLFD, wakeup);
            descriptors.set(ValueLayout.JAVA_SHORT, POLLFD + Integer.BYTES, POLLIN);
            int ready = Libc.poll(descriptors, 2, millis);
            if (ready < 0 && ready != -Errno.EINTR) {
                throw new NetlinkException("wait for notifications", -ready);
            }
            return ready > 0;
        }
    }

    /** Whether there was a datagram, or the news that some were lost. */
    private <T> boolean take(Function<MessageReader, Optional<T>> reader, Function<String, T> lost, List<T> events) {
        try {
            Optional<MessageReader> datagram = socket.notification();
            datagram.ifPresent(message -> {
                while (message.next()) {
                    reader.apply(message).ifPresent(events::add);
                }
            });
            return datagram.isPresent();
        } catch (MalformedMessageException e) {
            events.add(lost.apply("a notification was not understood: " + e.getMessage()));
            return true;
        } catch (NetlinkException e) {
            if (e.errno() != Errno.ENOBUFS && e.errno() != Errno.EMSGSIZE) {
                throw e;
            }
            events.add(lost.apply("notifications were lost: " + e.errnoName()));
            return true;
        }
    }

    /** Ends a running {@link #poll}, then closes; idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        wake();
        lock.lock();
        try {
            socket.close();
            Libc.close(wakeup);
        } finally {
            lock.unlock();
        }
    }

    private void wake() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_LONG, 1);
            int _ = Libc.write(wakeup, one);
        }
    }
}
