package dev.ikat.netlink;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Tells what changes in the network configuration of one namespace, whoever changes it. Read the state after opening
 * this, not before: so no change falls between.
 *
 * <p>Safe for use by any number of threads, one of which polls at a time. Waiting blocks the thread in the kernel, a
 * virtual one together with its carrier: poll from a platform thread.
 */
public final class RouteMonitor implements AutoCloseable {
    /** Room for some 1,000 notifications of a link, or 2,000 of a route. */
    private static final int RECEIVE_BUFFER = 2 * 1024 * 1024;

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

    private RouteMonitor(NetlinkSocket socket, int wakeup) {
        this.socket = socket;
        this.wakeup = wakeup;
    }

    /** Begins to listen in the namespace of the calling thread. */
    public static RouteMonitor open(Set<Group> groups) {
        return openHere(groups, RECEIVE_BUFFER);
    }

    private static RouteMonitor openHere(Set<Group> groups, int receiveBuffer) {
        NetlinkSocket socket = NetlinkSocket.open();
        try {
            socket.receiveBuffer(receiveBuffer);
            groups.forEach(group -> group.numbers().forEach(socket::join));
            int wakeup = Libc.eventfd(0, EFD_CLOEXEC);
            if (wakeup < 0) {
                throw new NetlinkException("make an eventfd", -wakeup);
            }
            return new RouteMonitor(socket, wakeup);
        } catch (RuntimeException | Error e) {
            socket.close();
            throw e;
        }
    }

    /** Begins to listen in another namespace. */
    public static RouteMonitor open(NetworkNamespace namespace, Set<Group> groups) {
        return openWithBuffer(namespace, groups, RECEIVE_BUFFER);
    }

    static RouteMonitor openWithBuffer(NetworkNamespace namespace, Set<Group> groups, int bytes) {
        return namespace.call(() -> openHere(groups, bytes));
    }

    /**
     * Waits for news at most this long, then returns all there is, in order; empty if there is none, or if this is
     * closed meanwhile. {@link Event.Resync} stands where notifications were lost or not understood.
     *
     * @throws IllegalStateException if this was closed before
     */
    public List<Event> poll(Duration timeout) {
        lock.lock();
        try {
            if (closed.get()) {
                throw new IllegalStateException("this monitor was closed");
            }
            List<Event> events = new ArrayList<>();
            if (await(timeout) && !closed.get()) {
                while (events.size() < MAX_EVENTS_A_POLL && take(events)) {
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
    private boolean take(List<Event> events) {
        try {
            Optional<MessageReader> datagram = socket.notification();
            datagram.ifPresent(message -> {
                while (message.next()) {
                    read(message).ifPresent(events::add);
                }
            });
            return datagram.isPresent();
        } catch (MalformedMessageException e) {
            events.add(new Event.Resync("a notification was not understood: " + e.getMessage()));
            return true;
        } catch (NetlinkException e) {
            if (e.errno() != Errno.ENOBUFS && e.errno() != Errno.EMSGSIZE) {
                throw e;
            }
            events.add(new Event.Resync("notifications were lost: " + e.errnoName()));
            return true;
        }
    }

    /** Reads a notification; empty for one of a kind that is nobody's concern here. */
    static Optional<Event> read(MessageReader message) {
        return switch (message.type()) {
            case LinkMessage.RTM_NEWLINK -> LinkMessage.read(message).map(link -> new Event.LinkEvent(true, link));
            case LinkMessage.RTM_DELLINK -> LinkMessage.read(message).map(link -> new Event.LinkEvent(false, link));
            case AddressMessage.RTM_NEWADDR ->
                AddressMessage.read(message).map(address -> new Event.AddressEvent(true, address));
            case AddressMessage.RTM_DELADDR ->
                AddressMessage.read(message).map(address -> new Event.AddressEvent(false, address));
            case RouteMessage.RTM_NEWROUTE ->
                RouteMessage.read(message).map(route -> new Event.RouteEvent(true, route));
            case RouteMessage.RTM_DELROUTE ->
                RouteMessage.read(message).map(route -> new Event.RouteEvent(false, route));
            case NeighbourMessage.RTM_NEWNEIGH -> readNeighbour(true, message);
            case NeighbourMessage.RTM_DELNEIGH -> readNeighbour(false, message);
            case RuleMessage.RTM_NEWRULE -> RuleMessage.read(message).map(rule -> new Event.RuleEvent(true, rule));
            case RuleMessage.RTM_DELRULE -> RuleMessage.read(message).map(rule -> new Event.RuleEvent(false, rule));
            default -> Optional.empty();
        };
    }

    private static Optional<Event> readNeighbour(boolean present, MessageReader message) {
        Optional<Event> neighbour =
                NeighbourMessage.read(message).map(entry -> new Event.NeighbourEvent(present, entry));
        return neighbour.or(() -> NeighbourMessage.readFdb(message).map(entry -> new Event.FdbEvent(present, entry)));
    }

    /** Ends a {@link #poll} under way, then closes; idempotent. */
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
