package dev.ikat.netlink.route;

import java.time.Duration;
import java.util.List;

/** What changes in the network configuration of one namespace, told as it happens: by {@link RouteMonitor}. */
public interface RouteEvents extends AutoCloseable {
    /**
     * Waits for news at most this long, then returns all there is, in order; empty if there is none, or if this is
     * closed meanwhile. {@link Event.Resync} stands where notifications were lost or not understood.
     *
     * @throws IllegalStateException if this was closed before
     */
    List<Event> poll(Duration timeout);

    /** Ends a {@link #poll} under way, then closes; idempotent. */
    @Override
    void close();
}
