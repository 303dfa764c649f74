package dev.ikat.ebpf.socket;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.diag.ConnectedSocket;
import dev.ikat.netlink.diag.SocketDiag;
import dev.ikat.services.program.Backend;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiPredicate;

/**
 * For which places others stand, for each socket: {@code struct flow} to {@code struct place} in sockets.bpf.c. The map
 * has a name, so that what a socket is told of its peer survives the process.
 */
final class SocketFlows implements AutoCloseable {
    /** The map's name in the eBPF object. */
    static final String MAP = "flows";

    /** Of the layout: a successor with another one begins anew. */
    private static final String SUFFIX = "-1";

    private static final int LRU_HASH = 9; // BPF_MAP_TYPE_LRU_HASH
    private static final int KEY_BYTES = 32;
    private static final int PLACE_BYTES = 20;

    /** Where they are in a key. */
    private static final int PLACE = 8;

    private static final int KIND = 28;

    /** Where it is in a place. */
    private static final int PORT = 18;

    private static final int REQUEST = 0;

    private final Pins pins;
    private final String pin;
    private final BpfMap map;

    private SocketFlows(Pins pins, String pin, BpfMap map) {
        this.pins = pins;
        this.pin = pin;
        this.map = map;
    }

    /**
     * Opens the map of a former process, or creates it.
     *
     * @param prefix of its name
     */
    static SocketFlows open(Pins pins, String prefix, int capacity) {
        String pin = prefix + MAP + SUFFIX;
        int fd = Bpf.pinned(pins.path(pin))
                .orElseGet(() -> Bpf.createMap(MAP, LRU_HASH, KEY_BYTES, PLACE_BYTES, capacity, 0));
        return new SocketFlows(pins, pin, new BpfMap(MAP, fd, KEY_BYTES, PLACE_BYTES, PLACE_BYTES, Bpf.capacity(fd)));
    }

    /** Gives the map its name, where it has none. */
    void name() {
        if (!pins.has(pin)) {
            Bpf.pin(map.fd(), pins.path(pin));
        }
    }

    /** Whether the name is there. */
    boolean hasName() {
        return pins.has(pin);
    }

    int fd() {
        return map.fd();
    }

    /** A connection of a socket, or what was one. */
    private record Connection(long socket, Backend backend) {}

    /**
     * Forgets the flows that go to a backend which is none any more, and ends the sockets that are connected to one of
     * those: the next datagram reaches another backend.
     *
     * @param isStale whether what is sent to a {@code struct place} must not go to a backend
     * @return how many sockets were ended
     */
    int forgetStale(BiPredicate<MapKey, Backend> isStale, SocketDiag sockets) {
        List<ByteBuffer> stale = new ArrayList<>();
        Set<Connection> connections = new HashSet<>();
        Bpf.forEach(map, (key, value) -> {
            ByteBuffer flow = Layout.copy(key.asByteBuffer());
            ByteBuffer asked = Layout.copy(flow.slice(PLACE, PLACE_BYTES));
            ByteBuffer known = Layout.copy(value.asByteBuffer());
            boolean request = flow.getInt(KIND) == REQUEST;
            Backend backend = backend(request ? known : asked);
            if (isStale.test(MapKey.copyOf(request ? asked : known), backend)) {
                stale.add(flow);
                connections.add(new Connection(flow.getLong(0), backend));
            }
        });
        if (stale.isEmpty()) {
            return 0;
        }
        stale.forEach(flow -> Bpf.delete(map, flow));
        List<ConnectedSocket> ended = sockets.connected().stream()
                .filter(socket -> connections.contains(
                        new Connection(socket.cookie(), new Backend(socket.peer(), socket.peerPort()))))
                .toList();
        return sockets.end(ended);
    }

    private static Backend backend(ByteBuffer place) {
        IpAddress address = Layout.address(place.duplicate());
        return new Backend(address, Layout.port(place.duplicate().position(PORT)));
    }

    @Override
    public void close() {
        Bpf.close(map.fd());
    }
}
