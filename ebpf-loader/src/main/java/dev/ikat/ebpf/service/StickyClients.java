package dev.ikat.ebpf.service;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.StickyClient;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;

/**
 * Which backends clients have by session affinity, {@code struct sticky_client} to {@code struct sticky_choice} in
 * affinity.h. The programs write it for the node's pods, and for the node itself, which is one client there.
 */
final class StickyClients {
    /** The node itself. */
    static final IpAddress NODE = IpAddress.parse("::");

    private static final int ADDRESS_BYTES = 16;
    private static final int PLACE_BYTES = 20;
    private static final int CHOICE_BYTES = 32;

    /** Where it is in a value. */
    private static final int BACKEND = 8;

    private StickyClients() {}

    /** @param seen of {@link System#nanoTime}, whose clock is the kernel's CLOCK_MONOTONIC */
    private record Choice(long seen, Backend backend) {
        static Choice of(ByteBuffer value) {
            ByteBuffer backend = value.duplicate().position(BACKEND);
            return new Choice(value.getLong(0), new Backend(Layout.address(backend), Layout.port(backend)));
        }

        ByteBuffer value() {
            return Layout.of(CHOICE_BYTES)
                    .putLong(seen)
                    .put(Layout.socket(backend.address(), backend.port()))
                    .putInt(0)
                    .flip();
        }
    }

    /**
     * Gives a client of another dataplane its backend, unless it has connected here later than there.
     *
     * @param address the client's, or {@link #NODE}
     */
    static void adopt(BpfMap map, IpAddress address, StickyFrontend frontend, StickyClient client) {
        // The service's time may be a shorter one by now.
        Duration left = client.left().compareTo(frontend.time()) < 0 ? client.left() : frontend.time();
        Choice theirs =
                new Choice(System.nanoTime() - frontend.time().minus(left).toNanos(), client.backend());
        ByteBuffer key = Layout.put(Layout.of(ADDRESS_BYTES + PLACE_BYTES), address)
                .put(frontend.place().buffer())
                .flip();
        boolean isLater = Bpf.lookup(map, key)
                .map(Choice::of)
                .filter(ours -> frontend.backends().contains(ours.backend()) && ours.seen() - theirs.seen() >= 0)
                .isEmpty();
        if (isLater) {
            Bpf.update(map, key, theirs.value());
        }
    }

    /**
     * The clients of frontends.
     *
     * @param frontends by {@code struct place}
     * @param node what {@link #NODE} is called for a frontend; empty if that is not known
     */
    static List<StickyClient> read(
            BpfMap map, Map<MapKey, StickyFrontend> frontends, Function<StickyFrontend, Optional<IpAddress>> node) {
        long now = System.nanoTime();
        List<StickyClient> clients = new ArrayList<>();
        Bpf.forEach(map, (key, value) -> {
            ByteBuffer client = Layout.copy(key.asByteBuffer());
            StickyFrontend frontend = frontends.get(place(client));
            Choice choice = Choice.of(Layout.copy(value.asByteBuffer()));
            if (frontend == null || !frontend.backends().contains(choice.backend())) {
                return;
            }
            Duration left = frontend.time().minusNanos(Math.max(0, now - choice.seen()));
            if (left.isPositive()) {
                IpAddress own = Layout.address(client);
                (own.equals(NODE) ? node.apply(frontend) : Optional.of(own))
                        .ifPresent(address ->
                                clients.add(new StickyClient(address, frontend.frontend(), choice.backend(), left)));
            }
        });
        return clients;
    }

    private static MapKey place(ByteBuffer client) {
        return MapKey.copyOf(client.slice(ADDRESS_BYTES, PLACE_BYTES));
    }

    /**
     * Forgets clients.
     *
     * @param isStale which, by the {@code struct place} of their frontend and their backend
     */
    static void forget(BpfMap map, BiPredicate<MapKey, Backend> isStale) {
        List<ByteBuffer> stale = new ArrayList<>();
        Bpf.forEach(map, (key, value) -> {
            ByteBuffer client = Layout.copy(key.asByteBuffer());
            if (isStale.test(
                    place(client), Choice.of(Layout.copy(value.asByteBuffer())).backend())) {
                stale.add(client);
            }
        });
        stale.forEach(client -> Bpf.delete(map, client));
    }
}
