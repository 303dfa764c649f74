package dev.ikat.ebpf;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Conntrack;
import dev.ikat.netlink.ConntrackEntry;
import dev.ikat.netlink.ConntrackTuple;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The connections that the programs know, {@code struct tuple} and {@code struct connection} in maps.h: taken over from
 * the kernel's connection tracking, and handed over to it, where another backend was or will be in force.
 */
final class Connections {
    private static final int TUPLE_BYTES = 40;
    private static final int CONNECTION_BYTES = 16;
    private static final int REPLIED = 2;
    private static final int CLOSING = 4;
    private static final int TCP = 6;
    private static final int ICMP = 1;
    private static final int ICMPV6 = 58;
    private static final int ECHO = 8;
    private static final int ECHO_V6 = 128;

    /** As the programs forget them, in nanoseconds. */
    private static final long TCP_LIFE = 432_000_000_000_000L;

    private static final long OTHER_LIFE = 180_000_000_000L;

    private Connections() {}

    /**
     * Makes the programs know what the kernel tracks.
     *
     * @param ends the endpoints' addresses; other connections do not concern them
     * @param epoch at which they count as judged
     */
    static void takeOver(Conntrack conntrack, BpfMap map, Set<IpAddress> ends, int epoch) {
        for (IpFamily family : IpFamily.values()) {
            for (ConntrackEntry entry : conntrack.entries(family)) {
                if (ends.contains(entry.sender()) || ends.contains(entry.receiver())) {
                    Bpf.add(map, key(entry), value(entry, epoch));
                }
            }
        }
    }

    private static ByteBuffer key(ConntrackEntry entry) {
        int id = entry.original().icmp().map(ConntrackTuple.IcmpQuery::id).orElse(0);
        int from = id == 0 ? entry.original().sourcePort() : id;
        int to = id == 0 ? entry.receiverPort() : 0;
        ByteBuffer key = Layout.put(Layout.put(Layout.of(TUPLE_BYTES), entry.sender()), entry.receiver())
                .put((byte) (from >> 8))
                .put((byte) from)
                .put((byte) (to >> 8))
                .put((byte) to)
                .put((byte) entry.original().protocol());
        return key.position(0);
    }

    private static ByteBuffer value(ConntrackEntry entry, int epoch) {
        // The clock of nanoTime is the kernel's CLOCK_MONOTONIC.
        return Layout.of(CONNECTION_BYTES)
                .putLong(System.nanoTime())
                .putInt(epoch)
                .putInt(entry.answered() ? REPLIED : 0)
                .flip();
    }

    /** The table behind a descriptor. */
    static BpfMap map(int fd) {
        return new BpfMap("connections", fd, TUPLE_BYTES, CONNECTION_BYTES, CONNECTION_BYTES, 0);
    }

    /** Makes the programs forget everything. */
    static void clear(BpfMap map) {
        Optional<ByteBuffer> key = Bpf.nextKey(map, Optional.empty());
        while (key.isPresent()) {
            ByteBuffer gone = key.get();
            // Asked before it goes: after a key that is not there the kernel begins again.
            key = Bpf.nextKey(map, key);
            Bpf.delete(map, gone);
        }
    }

    /** Makes the kernel track what the programs know. */
    static void handOver(BpfMap map, Conntrack conntrack) {
        List<ConntrackTuple> tuples = new ArrayList<>();
        long now = System.nanoTime();
        Optional<ByteBuffer> key = Bpf.nextKey(map, Optional.empty());
        while (key.isPresent()) {
            ByteBuffer found = key.get();
            Bpf.lookup(map, found).ifPresent(value -> {
                long age = now - value.getLong();
                value.getInt();
                int flags = value.getInt();
                ConntrackTuple tuple = tuple(found.duplicate());
                boolean alive = age < (tuple.protocol() == TCP ? TCP_LIFE : OTHER_LIFE) && (flags & CLOSING) == 0;
                if (alive && (flags & REPLIED) != 0) {
                    tuples.add(tuple);
                }
            });
            key = Bpf.nextKey(map, key);
        }
        conntrack.add(tuples);
    }

    private static ConntrackTuple tuple(ByteBuffer key) {
        IpAddress source = Layout.address(key);
        IpAddress destination = Layout.address(key);
        int from = Short.toUnsignedInt(Short.reverseBytes(key.getShort(32)));
        int to = Short.toUnsignedInt(Short.reverseBytes(key.getShort(34)));
        int protocol = Byte.toUnsignedInt(key.get(36));
        return switch (protocol) {
            case ICMP, ICMPV6 ->
                new ConntrackTuple(
                        source,
                        destination,
                        protocol,
                        0,
                        0,
                        Optional.of(new ConntrackTuple.IcmpQuery(from, protocol == ICMP ? ECHO : ECHO_V6, 0)));
            default -> new ConntrackTuple(source, destination, protocol, from, to, Optional.empty());
        };
    }
}
