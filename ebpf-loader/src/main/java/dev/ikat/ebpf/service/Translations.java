package dev.ikat.ebpf.service;

import dev.ikat.ebpf.connection.Connections;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.netlink.netfilter.ConntrackTuple;
import dev.ikat.services.program.Backend;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/** The connections that the programs translate, {@code struct translation} in maps.h: two for each, one a direction. */
public final class Translations {
    /** Where they are in a key, and in a value what the tuple becomes. */
    private static final int DESTINATION = 16;

    private static final int PORTS = 32;
    private static final int PROTOCOL = 36;
    private static final int FLAGS = 12;
    private static final int BECOMES = 16;

    private static final int REPLIED = 2;
    private static final int CLOSING = 4;
    private static final int ANSWER = 0x100;
    private static final int ELSEWHERE = 0x200;
    private static final int LEFT = 0x400;
    private static final int TRANSLATION_BYTES = BECOMES + Layout.TUPLE_BYTES;

    private Translations() {}

    /**
     * Deletes those of ended connections, which the programs ignore.
     *
     * @return how many
     */
    public static int sweep(Pins pins) {
        AtomicInteger deleted = new AtomicInteger();
        ServiceMaps.with(pins, ServiceMap.TRANSLATIONS, map -> deleted.set(Connections.sweep(map)));
        return deleted.get();
    }

    /** Deletes those that have one of these addresses at either end, before or after the translation. */
    public static void forget(Pins pins, Set<IpAddress> addresses) {
        ServiceMaps.with(pins, ServiceMap.TRANSLATIONS, map -> Connections.forget(map, addresses));
    }

    /**
     * Deletes flows of datagrams that go to a backend which is none any more: they have no end of their own.
     *
     * @param isStale whether what is sent to a {@code struct place} must not go to a backend
     * @return how many
     */
    static int forgetStale(BpfMap map, BiPredicate<MapKey, Backend> isStale) {
        Map<ByteBuffer, ByteBuffer> stale = new HashMap<>();
        Bpf.forEach(map, (key, value) -> {
            ByteBuffer tuple = Layout.copy(key.asByteBuffer());
            ByteBuffer translation = Layout.copy(value.asByteBuffer());
            if ((translation.getInt(FLAGS) & ANSWER) == 0) {
                ByteBuffer becomes = becomes(translation);
                End destination = destination(tuple);
                End backend = destination(becomes);
                if (isStale.test(
                        Layout.place(destination.address(), tuple.get(PROTOCOL), destination.port()),
                        new Backend(backend.address(), backend.port()))) {
                    stale.put(tuple, turned(becomes));
                }
            }
        });
        stale.forEach((request, answer) -> {
            Bpf.delete(map, request);
            Bpf.delete(map, answer);
        });
        return stale.size();
    }

    private record End(IpAddress address, int port) {}

    private static End source(ByteBuffer tuple) {
        return end(tuple, 0, PORTS);
    }

    private static End destination(ByteBuffer tuple) {
        return end(tuple, DESTINATION, PORTS + Short.BYTES);
    }

    private static End end(ByteBuffer tuple, int address, int port) {
        return new End(
                Layout.address(tuple.duplicate().position(address)),
                Layout.port(tuple.duplicate().position(port)));
    }

    private static ByteBuffer becomes(ByteBuffer translation) {
        return Layout.copy(translation.slice(BECOMES, Layout.TUPLE_BYTES));
    }

    private static ByteBuffer turned(ByteBuffer tuple) {
        ByteBuffer turned = Layout.of(Layout.TUPLE_BYTES);
        turned.put(tuple.slice(DESTINATION, DESTINATION)).put(tuple.slice(0, DESTINATION));
        turned.put(tuple.slice(PORTS + Short.BYTES, Short.BYTES)).put(tuple.slice(PORTS, Short.BYTES));
        return turned.put(tuple.slice(PROTOCOL, Layout.TUPLE_BYTES - PROTOCOL)).flip();
    }

    /** Has the kernel's connection tracking translate the open connections from now on, and begins no more. */
    public static void handOver(Pins pins, Conntrack conntrack) {
        ServiceMaps.with(pins, ServiceMap.FRONTENDS, map -> Connections.clear(map));
        ServiceMaps.with(pins, ServiceMap.OUTER_FRONTENDS, map -> Connections.clear(map));
        ServiceMaps.with(pins, ServiceMap.TRANSLATIONS, map -> {
            Map<ConntrackTuple, ConntrackTuple> open = new HashMap<>();
            long now = System.nanoTime();
            Bpf.forEach(map, (key, value) -> {
                ByteBuffer translation = Layout.copy(value.asByteBuffer());
                if ((translation.getInt(FLAGS) & (ANSWER | ELSEWHERE | LEFT | REPLIED | CLOSING)) == REPLIED
                        && !Connections.isOver(key, value, now)) {
                    open.put(tuple(Layout.copy(key.asByteBuffer())), tuple(becomes(translation)));
                }
            });
            // As they are after the translation, it may know them.
            Set<ConntrackTuple> translated = Set.copyOf(open.values());
            for (IpFamily family : IpFamily.values()) {
                conntrack.delete(conntrack.entries(family).stream()
                        .filter(entry -> translated.contains(entry.original()))
                        .toList());
            }
            conntrack.add(open);
        });
    }

    /**
     * Has the programs leave the connections that connection tracking translates to it.
     *
     * @param concerned which of them the programs might take for theirs
     */
    static void leave(BpfMap map, Conntrack conntrack, Predicate<ConntrackEntry> concerned) {
        for (IpFamily family : IpFamily.values()) {
            for (ConntrackEntry entry : conntrack.entries(family)) {
                ConntrackTuple from = entry.original();
                ConntrackTuple answer = entry.reply();
                boolean translated = !from.destination().equals(answer.source());
                if (translated && concerned.test(entry)) {
                    ByteBuffer value = Layout.of(TRANSLATION_BYTES)
                            .putLong(System.nanoTime())
                            .putInt(0)
                            .putInt(LEFT | (entry.answered() ? REPLIED : 0));
                    ByteBuffer becomes = Layout.tuple(
                            from.source(), from.sourcePort(), answer.source(), answer.sourcePort(), from.protocol());
                    Bpf.add(
                            map,
                            Layout.tuple(
                                    from.source(),
                                    from.sourcePort(),
                                    from.destination(),
                                    from.destinationPort(),
                                    from.protocol()),
                            value.put(becomes).flip());
                }
            }
        }
    }

    private static ConntrackTuple tuple(ByteBuffer tuple) {
        End source = source(tuple);
        End destination = destination(tuple);
        return new ConntrackTuple(
                source.address(),
                destination.address(),
                Byte.toUnsignedInt(tuple.get(PROTOCOL)),
                source.port(),
                destination.port(),
                Optional.empty());
    }
}
