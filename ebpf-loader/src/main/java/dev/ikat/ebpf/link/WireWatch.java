package dev.ikat.ebpf.link;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.Group;
import dev.ikat.netlink.route.RouteMonitor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches for pods' links that are created and deleted, on a thread of its own. Attaching a program holds for a long
 * time a lock that adding a pod needs too, and no pod needs the fast path while pods are being added. So attaching
 * waits until the kernel has reported nothing for a moment, but not without limit, and waits again after each program.
 */
public final class WireWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WireWatch.class);

    private static final Duration QUIET = Duration.ofMillis(50);
    private static final Duration LONGEST_WAIT = Duration.ofMillis(500);
    private static final Duration IDLE = Duration.ofMillis(200);

    private final NetworkNamespace namespace;
    private final Supplier<Optional<InterfaceName>> uplink;
    private final Runnable changed;
    private final BooleanSupplier attachNext;
    private @Nullable RouteMonitor monitor;
    private @Nullable Thread thread;
    private volatile boolean triggered;
    private volatile boolean closed;

    /**
     * @param uplink the interface by which connections from outside arrive, which counts as a pod's
     * @param changed brings up to date what takes little time
     * @param attachNext attaches one program that is missing; returns whether there are more
     */
    public WireWatch(
            NetworkNamespace namespace,
            Supplier<Optional<InterfaceName>> uplink,
            Runnable changed,
            BooleanSupplier attachNext) {
        this.namespace = namespace;
        this.uplink = uplink;
        this.changed = changed;
        this.attachNext = attachNext;
    }

    /** Starts, unless it is already running. */
    public synchronized void start() {
        if (thread == null && !closed) {
            RouteMonitor opened = RouteMonitor.open(namespace, Set.of(Group.LINK, Group.NEIGHBOUR));
            monitor = opened;
            thread = Thread.ofPlatform().daemon().name("ebpf-wires").start(() -> run(opened));
        }
    }

    /** Checks soon, whether or not the kernel reports anything. */
    public void trigger() {
        triggered = true;
    }

    private void run(RouteMonitor opened) {
        while (!closed) {
            try {
                if (concerns(opened.poll(IDLE)) || triggered) {
                    awaitQuiet(opened);
                    update(opened);
                }
            } catch (RuntimeException e) {
                if (!closed) {
                    // Pods are reached the kernel's way meanwhile.
                    LOG.atWarn()
                            .addKeyValue("error", e.getMessage())
                            .setCause(e)
                            .log("wires-failed");
                    triggered = true;
                }
            }
        }
    }

    private void awaitQuiet(RouteMonitor opened) {
        long deadline = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (!closed && System.nanoTime() < deadline && concerns(opened.poll(QUIET))) {
            // Something happens.
        }
    }

    private void update(RouteMonitor opened) {
        triggered = false;
        if (closed) {
            return;
        }
        changed.run();
        while (!closed && attachNext.getAsBoolean()) {
            if (concerns(opened.poll(Duration.ZERO))) {
                triggered = true;
                return;
            }
        }
    }

    private boolean concerns(List<Event> events) {
        return events.stream().anyMatch(this::concerns);
    }

    private boolean concerns(Event event) {
        return switch (event) {
            case Event.LinkEvent(boolean _, var link) ->
                link.name().value().startsWith(LinkNames.POD_PREFIX)
                        || uplink.get().equals(Optional.of(link.name()));
            case Event.NeighbourEvent(boolean _, var neighbour) -> neighbour.isPermanent();
            case Event.Resync _ -> true;
            case Event.AddressEvent _, Event.RouteEvent _, Event.FdbEvent _, Event.RuleEvent _, Event.NetconfEvent _ ->
                false;
        };
    }

    /** Ends it. */
    @Override
    public void close() {
        closed = true;
        Thread running;
        synchronized (this) {
            running = thread;
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
