package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.Group;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import dev.ikat.netlink.route.RouteEvents;
import dev.ikat.netlink.route.RouteMonitor;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens to the kernel's notifications about the node's network, on a thread of its own, and tells the agent's parts
 * when to check: {@link KernelConcerns} decides which, {@link WatchRhythm} when. No failure ends it.
 */
public final class KernelWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KernelWatch.class);
    private static final Duration AFTER_FAILURE = Duration.ofSeconds(1);
    private static final Set<Group> GROUPS =
            EnumSet.of(Group.LINK, Group.ADDRESS, Group.ROUTE, Group.NEIGHBOUR, Group.SETTINGS);

    /** The parts that follow from the node object and from the interface to the other nodes. */
    public static final Set<Part> NODE_CHANGE = Collections.unmodifiableSet(
            EnumSet.of(Part.NODE, Part.GUARD, Part.FORWARDING, Part.OVERLAY, Part.MASQUERADE));

    private final RouteEvents events;
    private final KernelConcerns concerns;
    private final WatchRhythm rhythm;
    private final Consumer<Set<Part>> concerned;
    private final Supplier<Set<Part>> eachSecond;
    private final LongSupplier clock;
    private final Thread thread;
    private volatile boolean closed;

    /**
     * Not started; {@link #turn} does what its thread would.
     *
     * @param events from before {@code netlink} is asked, and closed with this
     * @param clock counts nanoseconds, as {@link System#nanoTime} does
     */
    KernelWatch(
            RouteEvents events,
            Netlink netlink,
            Consumer<Set<Part>> concerned,
            Supplier<Set<Part>> eachSecond,
            LongSupplier clock) {
        this.events = events;
        this.concerns = new KernelConcerns(netlink.links().stream()
                .filter(link -> LinkNames.isOverlay(link.name()))
                .map(Link::index)
                .collect(Collectors.toSet()));
        this.rhythm = new WatchRhythm(clock.getAsLong());
        this.concerned = concerned;
        this.eachSecond = eachSecond;
        this.clock = clock;
        this.thread = Thread.ofPlatform().name("kernel-watch").unstarted(this::watch);
    }

    /**
     * Begins to listen in the calling thread's network namespace.
     *
     * @param concerned is told which parts have to check; has to be quick
     * @param eachSecond checks what the kernel sends no notifications about, and returns the parts that have to check
     */
    public static KernelWatch start(Netlink netlink, Consumer<Set<Part>> concerned, Supplier<Set<Part>> eachSecond) {
        KernelWatch watch =
                new KernelWatch(RouteMonitor.open(GROUPS), netlink, concerned, eachSecond, System::nanoTime);
        watch.start();
        return watch;
    }

    void start() {
        thread.start();
    }

    private void watch() {
        while (!closed) {
            try {
                turn();
            } catch (RuntimeException e) {
                if (!closed) {
                    // The slow timer still looks at everything; a broken socket must not take the agent with it.
                    LOG.atError()
                            .addKeyValue("error", e.getMessage())
                            .setCause(e)
                            .log("watch-failed");
                    pause();
                }
            }
        }
    }

    /** Waits until something has happened or is due, and tells whom it concerns. */
    void turn() {
        Set<Part> parts = EnumSet.noneOf(Part.class);
        for (Event event : events.poll(rhythm.idle(clock.getAsLong()))) {
            parts.addAll(concerns.of(event));
        }
        Set<Part> due = rhythm.due(parts, clock.getAsLong(), eachSecond);
        if (!due.isEmpty()) {
            concerned.accept(due);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(AFTER_FAILURE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed = true;
        events.close();
        try {
            thread.join(Duration.ofSeconds(2).toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
