package dev.ikat.agent.dataplane;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.netfilter.NftablesEvent;
import dev.ikat.netlink.netfilter.NftablesMonitor;
import dev.ikat.nftables.NftablesDataplane;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports when another process has changed nftables. If no other process can change Ikat's table it does not listen:
 * the kernel would notify it of each of the agent's own changes, which takes as long as putting a pod's policy in
 * force.
 */
public final class NftablesWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NftablesWatch.class);
    private static final Duration POLL = Duration.ofMinutes(1);

    private final NftablesDataplane table;
    private final Runnable changed;
    private Optional<NftablesMonitor> monitor = Optional.empty();
    private boolean unavailable;
    private volatile boolean closed;

    /** @param changed runs after others' changes; has to be quick */
    public NftablesWatch(NftablesDataplane table, Runnable changed) {
        this.table = table;
        this.changed = changed;
    }

    /**
     * Begins to listen in the calling thread's network namespace, unless it already does or no other process can change
     * the table.
     */
    public synchronized void startIfNeeded() {
        if (closed || unavailable || monitor.isPresent() || !table.isExposed()) {
            return;
        }
        try {
            NftablesMonitor opened = NftablesMonitor.open();
            monitor = Optional.of(opened);
            Thread.ofPlatform().daemon().name("nftables-watch").start(() -> watch(opened));
            // What came before that was not heard.
            changed.run();
        } catch (NetlinkException e) {
            unavailable = true;
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("nftables-unwatched");
        }
    }

    private void watch(NftablesMonitor open) {
        while (!closed) {
            try {
                if (open.poll(POLL).stream().anyMatch(this::concerns)) {
                    changed.run();
                }
            } catch (RuntimeException e) {
                if (!closed) {
                    // The slow timer still looks.
                    LOG.atError()
                            .addKeyValue("error", e.getMessage())
                            .setCause(e)
                            .log("nftables-unwatched");
                }
                return;
            }
        }
    }

    private boolean concerns(NftablesEvent event) {
        return switch (event) {
            case NftablesEvent.Generation(int _, int port, int _, String _) -> port != table.port();
            case NftablesEvent.Resync _ -> true;
        };
    }

    @Override
    public synchronized void close() {
        closed = true;
        monitor.ifPresent(NftablesMonitor::close);
    }
}
