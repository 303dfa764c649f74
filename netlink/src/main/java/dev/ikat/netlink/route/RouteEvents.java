package dev.ikat.netlink.route;

import java.time.Duration;
import java.util.List;

/**
 * Reports changes of the network configuration of one namespace as they happen; {@link RouteMonitor} is the kernel's.
 */
public interface RouteEvents extends AutoCloseable {
    /**
     * Waits for events at most this long, then returns all that have arrived, in order; empty if none have, or if this
     * is closed meanwhile. {@link Event.Resync} stands for notifications that were lost or not understood.
     *
     * @throws IllegalStateException if this was closed before
     */
    List<Event> poll(Duration timeout);

    /** Ends a running {@link #poll}, then closes; idempotent. */
    @Override
    void close();
}
