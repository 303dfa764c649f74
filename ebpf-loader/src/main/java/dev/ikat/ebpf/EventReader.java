package dev.ikat.ebpf;

import dev.ikat.dataplane.DropCause;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.BpfObject;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.LibBpf;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.PacketHeader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;
import jnr.ffi.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads what the programs tell, {@code struct event} in maps.h, on a thread of its own. */
final class EventReader implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EventReader.class);
    private static final int EVENT_BYTES = 56;
    private static final int POLL_MILLISECONDS = 200;

    private final Consumer<LoggedPacket> consumer;

    /** Held, since the library calls it as long as the ring is there. */
    private final LibBpf.SampleCallback callback = this::sample;

    private final Pointer ring;
    private volatile boolean closed;
    private int sequence;

    /** Begins to read. */
    EventReader(BpfMap events, Consumer<LoggedPacket> consumer) {
        this.consumer = consumer;
        LibBpf library = BpfObject.library();
        Pointer made = library.ring_buffer__new(events.fd(), callback, null, null);
        if (made == null) {
            throw new IllegalStateException("libbpf can't read the ring buffer of events");
        }
        this.ring = made;
        Thread.ofPlatform().daemon().name("ebpf-events").start(() -> {
            while (!closed) {
                library.ring_buffer__poll(ring, POLL_MILLISECONDS);
            }
            library.ring_buffer__free(ring);
        });
    }

    private int sample(Pointer context, Pointer data, long size) {
        byte[] event = new byte[EVENT_BYTES];
        if (size >= EVENT_BYTES && !closed) {
            data.get(0, event, 0, EVENT_BYTES);
            try {
                consumer.accept(read(Layout.copy(ByteBuffer.wrap(event)), sequence++));
            } catch (RuntimeException e) {
                // Events are for people to see; an exception must not cross the library.
                LOG.atWarn().addKeyValue("error", e.toString()).log("policy-event-unread");
            }
        }
        return 0;
    }

    static LoggedPacket read(ByteBuffer event, int sequence) {
        // CLOCK_MONOTONIC, as nanoTime.
        Duration age = Duration.ofNanos(Math.max(0, System.nanoTime() - event.getLong()));
        IpAddress source = Layout.address(event);
        IpAddress destination = Layout.address(event);
        int from = port(event);
        int to = port(event);
        int protocol = Byte.toUnsignedInt(event.get());
        boolean ports = protocol == 6 || protocol == 17 || protocol == 132;
        char kind = (char) event.get(EVENT_BYTES - 8);
        return new LoggedPacket(
                DropCause.prefix(kind),
                LoggedPacket.FORWARD,
                0,
                0,
                Optional.of(Instant.now().minus(age)),
                sequence,
                Optional.of(new PacketHeader(source, destination, protocol, ports ? from : 0, ports ? to : 0)));
    }

    private static int port(ByteBuffer event) {
        return (Byte.toUnsignedInt(event.get()) << 8) | Byte.toUnsignedInt(event.get());
    }

    /** Ends it soon; whoever is being told something just now may be waiting for the caller. */
    @Override
    public void close() {
        closed = true;
    }
}
