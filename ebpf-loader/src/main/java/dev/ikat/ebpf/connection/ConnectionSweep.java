package dev.ikat.ebpf.connection;

import dev.ikat.ebpf.kernel.BpfException;
import java.time.Duration;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes ended connections from time to time, on a thread of its own. Otherwise the kernel would make room for a new
 * connection by deleting the least recently used one, which may be idle but open.
 */
public final class ConnectionSweep implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionSweep.class);
    private static final Duration BETWEEN = Duration.ofSeconds(30);

    private final IntSupplier sweep;
    private @Nullable Thread thread;

    /**
     * Does not start yet.
     *
     * @param sweep deletes those that have ended, and says how many
     */
    public ConnectionSweep(IntSupplier sweep) {
        this.sweep = sweep;
    }

    /** Starts, unless it is already running. */
    public synchronized void start() {
        if (thread == null) {
            thread = Thread.ofPlatform().daemon().name("ebpf-sweep").start(this::run);
        }
    }

    private void run() {
        try {
            while (true) {
                Thread.sleep(BETWEEN);
                sweep();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void sweep() {
        try {
            int deleted = sweep.getAsInt();
            LOG.atDebug().addKeyValue("deleted", deleted).log("connections-swept");
        } catch (BpfException e) {
            LOG.atWarn().addKeyValue("error", e.getMessage()).log("connections-not-swept");
        }
    }

    /** Ends it. */
    @Override
    public synchronized void close() {
        if (thread != null) {
            thread.interrupt();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            thread = null;
        }
    }
}
