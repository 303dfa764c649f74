package dev.ikat.ebpf;

import dev.ikat.netlink.Event;
import dev.ikat.netlink.Group;
import dev.ikat.netlink.NetworkNamespace;
import dev.ikat.netlink.RouteMonitor;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks out for pods' links that come and go, on a thread of its own. */
final class WireWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WireWatch.class);

    /** What comes together is looked at once. */
    private static final Duration GATHERED = Duration.ofMillis(20);

    private static final Duration IDLE = Duration.ofMillis(200);

    private final NetworkNamespace namespace;
    private final Runnable changed;
    private @Nullable RouteMonitor monitor;
    private @Nullable Thread thread;
    private volatile boolean triggered;
    private volatile boolean closed;

    WireWatch(NetworkNamespace namespace, Runnable changed) {
        this.namespace = namespace;
        this.changed = changed;
    }

    /** Begins, unless it has begun. */
    synchronized void start() {
        if (thread == null && !closed) {
            RouteMonitor opened = RouteMonitor.open(namespace, Set.of(Group.LINK, Group.NEIGHBOUR));
            monitor = opened;
            thread = Thread.ofPlatform().daemon().name("ebpf-wires").start(() -> run(opened));
        }
    }

    /** Looks soon, whether or not the kernel reports anything. */
    void trigger() {
        triggered = true;
    }

    private void run(RouteMonitor opened) {
        while (!closed) {
            try {
                boolean concerned = concerns(opened.poll(IDLE)) || triggered;
                if (concerned && !closed) {
                    Thread.sleep(GATHERED);
                    opened.poll(Duration.ZERO);
                    triggered = false;
                    changed.run();
                }
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException e) {
                if (!closed) {
                    // Pods are reached the kernel's way meanwhile.
                    LOG.warn("event=wires-failed error=\"{}\"", e.getMessage(), e);
                    triggered = true;
                }
            }
        }
    }

    private static boolean concerns(List<Event> events) {
        return events.stream().anyMatch(WireWatch::concerns);
    }

    private static boolean concerns(Event event) {
        return switch (event) {
            case Event.LinkEvent(boolean _, var link) -> link.name().value().startsWith("ik");
            case Event.NeighbourEvent(boolean _, var neighbour) -> neighbour.isPermanent();
            case Event.Resync _ -> true;
            case Event.AddressEvent _, Event.RouteEvent _, Event.FdbEvent _, Event.RuleEvent _ -> false;
        };
    }

    /** Ends it. */
    @Override
    public void close() {
        closed = true;
        Thread running;
        synchronized (this) {
            running = thread;
            if (running != null) {
                running.interrupt();
            }
            if (monitor != null) {
                monitor.close();
            }
        }
        try {
            if (running != null) {
                running.join(Duration.ofSeconds(5));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
