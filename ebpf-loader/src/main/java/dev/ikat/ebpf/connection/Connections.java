package dev.ikat.ebpf.connection;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.netlink.netfilter.ConntrackTuple;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * The connections that the programs know, {@code struct tuple} and {@code struct connection} in maps.h. They are copied
 * from the kernel's connection tracking when eBPF replaces another backend, and to it when another backend replaces
 * eBPF.
 */
public final class Connections {
    private static final int ADDRESS_BYTES = 16;
    private static final int CONNECTION_BYTES = 32;
    private static final int REPLIED = 2;
    private static final int CLOSING = 4;
    private static final int TURNED = 8;
    private static final int FORBIDDEN = 16;
    private static final int SHORTCUT = 1;
    private static final int TRANSLATED = 32;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int SCTP = 132;
    private static final int ICMP = 1;
    private static final int ICMPV6 = 58;
    private static final int ECHO = 8;
    private static final int ECHO_V6 = 128;

    private static final long SECOND = 1_000_000_000;

    /** Where they are in a key and in a value. */
    private static final long PROTOCOL = 36;

    private static final long FLAGS = 12;

    private Connections() {}

    /**
     * Copies the kernel's tracked connections into the programs' table.
     *
     * @param ends the endpoints' addresses; other connections do not matter
     * @param epoch the epoch for which they count as checked
     */
    public static void takeOver(Conntrack conntrack, BpfMap map, Set<IpAddress> ends, int epoch) {
        for (IpFamily family : IpFamily.values()) {
            for (ConntrackEntry entry : conntrack.entries(family)) {
                if (ends.contains(entry.sender()) || ends.contains(entry.receiver())) {
                    Bpf.add(map, key(entry), value(entry, epoch));
                }
            }
        }
    }

    /** One of a connection's ends; of two the lower one comes first in its key. */
    private record End(IpAddress address, int port) {
        boolean isBelow(End other) {
            int addresses = address.compareTo(other.address);
            return addresses == 0 ? port < other.port : addresses < 0;
        }
    }

    private static End sender(ConntrackEntry entry) {
        int id = echo(entry);
        return new End(entry.sender(), id == 0 ? entry.original().sourcePort() : id);
    }

    private static End receiver(ConntrackEntry entry) {
        return new End(entry.receiver(), echo(entry) == 0 ? entry.receiverPort() : 0);
    }

    private static int echo(ConntrackEntry entry) {
        return entry.original().icmp().map(ConntrackTuple.IcmpQuery::id).orElse(0);
    }

    private static boolean isTurned(ConntrackEntry entry) {
        return receiver(entry).isBelow(sender(entry));
    }

    private static ByteBuffer key(ConntrackEntry entry) {
        boolean turned = isTurned(entry);
        End first = turned ? receiver(entry) : sender(entry);
        End second = turned ? sender(entry) : receiver(entry);
        return Layout.tuple(
                first.address(),
                first.port(),
                second.address(),
                second.port(),
                entry.original().protocol());
    }

    /** Without its endpoints, which the programs find out. */
    private static ByteBuffer value(ConntrackEntry entry, int epoch) {
        // The clock of nanoTime is the kernel's CLOCK_MONOTONIC.
        return Layout.of(CONNECTION_BYTES)
                .putLong(System.nanoTime())
                .putInt(epoch)
                .putInt((entry.answered() ? REPLIED : 0) | (isTurned(entry) ? TURNED : 0))
                .position(0);
    }

    /** As the programs forget it, in nanoseconds after it was seen last: {@code lifetime} in judge.h. */
    private static long lifetime(int protocol, int flags) {
        return SECOND
                * switch (protocol) {
                    case TCP -> (flags & CLOSING) != 0 || (flags & REPLIED) == 0 ? 120 : 432_000;
                    case SCTP -> 432_000;
                    case UDP -> 180;
                    case ICMP, ICMPV6 -> 30;
                    default -> 600;
                };
    }

    /**
     * Deletes ended connections, which the programs ignore.
     *
     * @return how many
     */
    public static int sweep(BpfMap map) {
        long now = System.nanoTime();
        return deleteIf(map, (key, value) -> isOver(key, value, now));
    }

    /**
     * The same for the table that has this name, if it exists; the one in force may become another meanwhile.
     *
     * @return how many
     */
    public static int sweep(Path pin) {
        AtomicInteger deleted = new AtomicInteger();
        withPinned(pin, table -> deleted.set(sweep(table)));
        return deleted.get();
    }

    /** Deletes the connections that have one of these addresses at either end. */
    public static void forget(BpfMap map, Set<IpAddress> addresses) {
        Set<ByteBuffer> ends = ends(addresses);
        deleteIf(map, (key, _) -> hasEnd(key, ends));
    }

    /** Deletes the connections that have none of these addresses. */
    public static void forgetOthers(BpfMap map, Set<IpAddress> addresses) {
        Set<ByteBuffer> ends = ends(addresses);
        deleteIf(map, (key, _) -> !hasEnd(key, ends));
    }

    /** As keys have them. */
    private static Set<ByteBuffer> ends(Set<IpAddress> addresses) {
        return addresses.stream()
                .map(address -> Layout.address(address).buffer())
                .collect(Collectors.toUnmodifiableSet());
    }

    private static boolean hasEnd(MemorySegment key, Set<ByteBuffer> ends) {
        ByteBuffer both = key.asByteBuffer();
        return ends.contains(both.slice(0, ADDRESS_BYTES)) || ends.contains(both.slice(ADDRESS_BYTES, ADDRESS_BYTES));
    }

    /** Deletes all connections. */
    public static void clear(BpfMap map) {
        deleteIf(map, (_, _) -> true);
    }

    private static int deleteIf(BpfMap map, BiPredicate<MemorySegment, MemorySegment> condition) {
        List<ByteBuffer> found = new ArrayList<>();
        Bpf.forEach(map, (key, value) -> {
            if (condition.test(key, value)) {
                found.add(Layout.copy(key.asByteBuffer()));
            }
        });
        int deleted = 0;
        for (ByteBuffer key : found) {
            // Looked at again, as it may have begun anew.
            boolean still = Bpf.lookup(map, key)
                    .filter(value -> condition.test(MemorySegment.ofBuffer(key), MemorySegment.ofBuffer(value)))
                    .isPresent();
            if (still && Bpf.delete(map, key)) {
                deleted++;
            }
        }
        return deleted;
    }

    /** Whether it has ended, or is too long ago. */
    public static boolean isOver(MemorySegment key, MemorySegment value, long now) {
        int protocol = Byte.toUnsignedInt(key.get(ValueLayout.JAVA_BYTE, PROTOCOL));
        return now - value.get(ValueLayout.JAVA_LONG_UNALIGNED, 0) > lifetime(protocol, flags(value));
    }

    private static int flags(MemorySegment value) {
        return value.get(ValueLayout.JAVA_INT_UNALIGNED, FLAGS);
    }

    /** Runs the task with the table that has this name, if it exists. */
    public static void withPinned(Path pin, Consumer<BpfMap> task) {
        Bpf.pinned(pin).ifPresent(fd -> {
            try {
                task.accept(new BpfMap("connections", fd, Layout.TUPLE_BYTES, CONNECTION_BYTES, CONNECTION_BYTES, 0));
            } finally {
                Bpf.close(fd);
            }
        });
    }

    /** Has the connections to services that took the fast path take the kernel's own from now on. */
    public static void leaveTranslated(BpfMap map) {
        List<ByteBuffer> found = new ArrayList<>();
        Bpf.forEach(map, (key, value) -> {
            if ((flags(value) & TRANSLATED) != 0) {
                found.add(Layout.copy(key.asByteBuffer()));
            }
        });
        for (ByteBuffer key : found) {
            Bpf.lookup(map, key).ifPresent(value -> {
                value.putInt((int) FLAGS, value.getInt((int) FLAGS) & ~(SHORTCUT | TRANSLATED));
                Bpf.update(map, key, value);
            });
        }
    }

    /**
     * Copies the programs' connections into the kernel's connection tracking, except those to services, which are
     * {@link dev.ikat.ebpf.service.Translations}'.
     */
    public static void handOver(BpfMap map, Conntrack conntrack) {
        List<ConntrackTuple> open = new ArrayList<>();
        List<ConntrackTuple> forbidden = new ArrayList<>();
        long now = System.nanoTime();
        Bpf.forEach(map, (key, value) -> {
            int flags = flags(value);
            if ((flags & (REPLIED | CLOSING | TRANSLATED)) == REPLIED && !isOver(key, value, now)) {
                ConntrackTuple tuple = tuple(Layout.copy(key.asByteBuffer()), (flags & TURNED) != 0);
                ((flags & FORBIDDEN) == 0 ? open : forbidden).add(tuple);
            }
        });
        conntrack.add(open, 0);
        conntrack.add(forbidden, PolicyBackend.FORBIDDEN);
    }

    private static ConntrackTuple tuple(ByteBuffer key, boolean turned) {
        End first = new End(Layout.address(key), Short.toUnsignedInt(Short.reverseBytes(key.getShort(32))));
        End second = new End(Layout.address(key), Short.toUnsignedInt(Short.reverseBytes(key.getShort(34))));
        return tuple(turned ? second : first, turned ? first : second, Byte.toUnsignedInt(key.get(36)));
    }

    private static ConntrackTuple tuple(End source, End destination, int protocol) {
        return switch (protocol) {
            case ICMP, ICMPV6 ->
                new ConntrackTuple(
                        source.address(),
                        destination.address(),
                        protocol,
                        0,
                        0,
                        Optional.of(new ConntrackTuple.IcmpQuery(source.port(), protocol == ICMP ? ECHO : ECHO_V6, 0)));
            default ->
                new ConntrackTuple(
                        source.address(),
                        destination.address(),
                        protocol,
                        source.port(),
                        destination.port(),
                        Optional.empty());
        };
    }
}
