package dev.ikat.agent;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.NftablesEvent;
import dev.ikat.netlink.NftablesMonitor;
import java.time.Duration;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hears from the kernel that another process changed nftables. */
final class NftablesWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NftablesWatch.class);
    private static final Duration POLL = Duration.ofMinutes(1);

    private final Optional<NftablesMonitor> monitor;
    private final IntSupplier ownPort;
    private final Runnable changed;
    private final Thread thread;
    private volatile boolean closed;

    private NftablesWatch(Optional<NftablesMonitor> monitor, IntSupplier ownPort, Runnable changed) {
        this.monitor = monitor;
        this.ownPort = ownPort;
        this.changed = changed;
        this.thread = Thread.ofPlatform().daemon().name("nftables-watch").unstarted(this::watch);
    }

    /**
     * Begins to listen in the calling thread's network namespace.
     *
     * @param ownPort the netlink port by which this process itself changes nftables
     * @param changed runs after others' changes; to be quick
     */
    static NftablesWatch start(IntSupplier ownPort, Runnable changed) {
        Optional<NftablesMonitor> monitor = Optional.empty();
        try {
            monitor = Optional.of(NftablesMonitor.open());
        } catch (NetlinkException e) {
            LOG.warn("event=nftables-unwatched reason=\"{}\"", e.getMessage());
        }
        NftablesWatch watch = new NftablesWatch(monitor, ownPort, changed);
        if (monitor.isPresent()) {
            watch.thread.start();
        }
        return watch;
    }

    private void watch() {
        NftablesMonitor open = monitor.orElseThrow();
        while (!closed) {
            try {
                if (open.poll(POLL).stream().anyMatch(this::concerns)) {
                    changed.run();
                }
            } catch (RuntimeException e) {
                if (!closed) {
                    // The slow timer still looks.
                    LOG.error("event=nftables-unwatched error=\"{}\"", e.getMessage(), e);
                }
                return;
            }
        }
    }

    private boolean concerns(NftablesEvent event) {
        return switch (event) {
            case NftablesEvent.Generation(int _, int port, int _, String _) -> port != ownPort.getAsInt();
            case NftablesEvent.Resync _ -> true;
        };
    }

    @Override
    public void close() {
        closed = true;
        monitor.ifPresent(NftablesMonitor::close);
        try {
            thread.join(Duration.ofSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
