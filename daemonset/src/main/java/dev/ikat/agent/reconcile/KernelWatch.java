package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cni.PodLink;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.Group;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.RouteMonitor;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.RouteType;
import dev.ikat.netlink.route.Rtnetlink;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears from the kernel what changes in the node's network, and says which of the agent's parts have to look. What a
 * pod's own coming causes concerns nobody; what its going causes looks like damage, so the pods' part is told a little
 * later and once for many.
 */
public final class KernelWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KernelWatch.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration PODS_DELAY = Duration.ofMillis(500);
    private static final Set<Group> GROUPS = EnumSet.of(Group.LINK, Group.ADDRESS, Group.ROUTE, Group.NEIGHBOUR);
    private static final InterfaceName TUNNEL = new InterfaceName(LinkNames.OVERLAY);

    /** What follows from the node object and from the interface to the other nodes. */
    public static final Set<Part> NODE_CHANGE = Collections.unmodifiableSet(
            EnumSet.of(Part.NODE, Part.GUARD, Part.FORWARDING, Part.OVERLAY, Part.MASQUERADE));

    private final RouteMonitor monitor;
    private final Consumer<Set<Part>> concerned;
    private final Supplier<Set<Part>> eachSecond;
    private final Thread thread;
    private int tunnelIndex;
    private long nextTick = System.nanoTime();
    private boolean podsPending;
    private long podsDue;
    private volatile boolean closed;

    private KernelWatch(
            RouteMonitor monitor, int tunnelIndex, Consumer<Set<Part>> concerned, Supplier<Set<Part>> eachSecond) {
        this.monitor = monitor;
        this.tunnelIndex = tunnelIndex;
        this.concerned = concerned;
        this.eachSecond = eachSecond;
        this.thread = Thread.ofPlatform().name("kernel-watch").unstarted(this::watch);
    }

    /**
     * Begins to listen in the calling thread's network namespace.
     *
     * @param concerned told which parts have to look; must be quick
     * @param eachSecond looks at what the kernel sends no notifications of, and returns the parts that have to look
     */
    public static KernelWatch start(Rtnetlink netlink, Consumer<Set<Part>> concerned, Supplier<Set<Part>> eachSecond) {
        RouteMonitor monitor = RouteMonitor.open(GROUPS);
        int tunnel = netlink.link(TUNNEL).map(Link::index).orElse(0);
        KernelWatch watch = new KernelWatch(monitor, tunnel, concerned, eachSecond);
        watch.thread.start();
        return watch;
    }

    private void watch() {
        while (!closed) {
            try {
                Set<Part> parts = EnumSet.noneOf(Part.class);
                for (Event event : poll()) {
                    parts.addAll(concerns(event));
                }
                long now = System.nanoTime();
                if (parts.remove(Part.PODS) && !podsPending) {
                    podsPending = true;
                    podsDue = now + PODS_DELAY.toNanos();
                }
                if (podsPending && now - podsDue >= 0) {
                    podsPending = false;
                    parts.add(Part.PODS);
                }
                if (now - nextTick >= 0) {
                    nextTick = now + TICK.toNanos();
                    parts.addAll(eachSecond.get());
                }
                if (!parts.isEmpty()) {
                    concerned.accept(parts);
                }
            } catch (RuntimeException e) {
                if (!closed) {
                    // The slow timer still looks at everything; a broken socket must not take the agent with it.
                    LOG.error("event=watch-failed error=\"{}\"", e.getMessage(), e);
                    pause();
                }
            }
        }
    }

    private List<Event> poll() {
        long now = System.nanoTime();
        long left = podsPending ? Math.min(nextTick - now, podsDue - now) : nextTick - now;
        Duration timeout = left > 0 ? Duration.ofNanos(left).plusMillis(1) : Duration.ZERO;
        return monitor.poll(timeout);
    }

    private static void pause() {
        try {
            Thread.sleep(TICK);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Set<Part> concerns(Event event) {
        return switch (event) {
            case Event.LinkEvent(boolean present, Link link) -> {
                if (link.name().equals(TUNNEL)) {
                    tunnelIndex = present ? link.index() : 0;
                    yield EnumSet.of(Part.OVERLAY);
                }
                if (PodLink.isHostEnd(link)) {
                    yield present && link.isUp() ? none() : EnumSet.of(Part.PODS);
                }
                // The uplink, or what may become it.
                yield link.isKind("veth") && LinkNames.isPodLink(link.name()) ? none() : EnumSet.copyOf(NODE_CHANGE);
            }
            case Event.AddressEvent _ -> EnumSet.copyOf(NODE_CHANGE);
            case Event.RouteEvent(boolean present, var route) -> {
                if (route.protocol() != RouteProtocol.IKAT) {
                    yield none();
                }
                boolean overlay = route.gateway().isPresent() || route.type() != RouteType.UNICAST;
                yield overlay ? EnumSet.of(Part.OVERLAY) : present ? none() : EnumSet.of(Part.PODS);
            }
            case Event.NeighbourEvent(boolean present, var neighbour) -> {
                if (!neighbour.isPermanent()) {
                    yield none();
                }
                boolean overlay = neighbour.interfaceIndex() == tunnelIndex;
                yield overlay ? EnumSet.of(Part.OVERLAY) : present ? none() : EnumSet.of(Part.PODS);
            }
            case Event.FdbEvent(boolean _, var entry) ->
                entry.interfaceIndex() == tunnelIndex ? EnumSet.of(Part.OVERLAY) : none();
            case Event.RuleEvent _ -> none();
            case Event.Resync(String reason) -> {
                LOG.info("event=resync reason=\"{}\"", reason);
                yield EnumSet.allOf(Part.class);
            }
        };
    }

    private static Set<Part> none() {
        return EnumSet.noneOf(Part.class);
    }

    @Override
    public void close() {
        closed = true;
        monitor.close();
        try {
            thread.join(Duration.ofSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
