package dev.ikat.agent.reconcile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.route.Event;
import dev.ikat.netlink.route.FakeNetlink;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.RouteEvents;
import dev.ikat.netlink.route.VxlanSpec;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class KernelWatchTest {
    private static final Set<Part> NONE = EnumSet.noneOf(Part.class);

    private final FakeNetlink netlink = new FakeNetlink();
    private final AtomicLong nanos = new AtomicLong();

    private static Set<Part> none() {
        return NONE;
    }

    /** A time to look at what the kernel does not tell is over when it begins; this is the one after. */
    private static WatchRhythm begun() {
        WatchRhythm rhythm = new WatchRhythm(0);
        assertThat(rhythm.due(NONE, 0, () -> EnumSet.of(Part.GUARD))).containsExactly(Part.GUARD);
        return rhythm;
    }

    private static long millis(long millis) {
        return Duration.ofMillis(millis).toNanos();
    }

    @Test
    void partsAreToldAtOnce() {
        assertThat(begun().due(EnumSet.of(Part.OVERLAY), millis(1), KernelWatchTest::none))
                .containsExactly(Part.OVERLAY);
    }

    @Test
    void podsAreToldLaterAndOnceForMany() {
        WatchRhythm rhythm = begun();
        assertThat(rhythm.due(EnumSet.of(Part.PODS, Part.OVERLAY), millis(10), KernelWatchTest::none))
                .containsExactly(Part.OVERLAY);
        assertThat(rhythm.idle(millis(10))).isEqualTo(Duration.ofMillis(501));
        assertThat(rhythm.due(EnumSet.of(Part.PODS), millis(300), KernelWatchTest::none))
                .isEmpty();
        assertThat(rhythm.idle(millis(300))).isEqualTo(Duration.ofMillis(211));
        assertThat(rhythm.due(NONE, millis(510), KernelWatchTest::none)).containsExactly(Part.PODS);
        assertThat(rhythm.due(NONE, millis(900), KernelWatchTest::none)).isEmpty();
    }

    @Test
    void eachSecondItIsTimeToLook() {
        WatchRhythm rhythm = begun();
        Supplier<Set<Part>> drift = () -> EnumSet.of(Part.POLICY);
        assertThat(rhythm.idle(millis(400))).isEqualTo(Duration.ofMillis(601));
        assertThat(rhythm.due(NONE, millis(999), drift)).isEmpty();
        assertThat(rhythm.due(NONE, millis(1000), drift)).containsExactly(Part.POLICY);
        assertThat(rhythm.due(NONE, millis(1001), drift)).isEmpty();
    }

    @Test
    void nothingIsWaitedForWhereSomethingIsDue() {
        assertThat(new WatchRhythm(0).idle(millis(5))).isEqualTo(Duration.ZERO);
    }

    @Test
    void whatChangesInTheKernelIsTold() {
        netlink.execute(Requests.create(VxlanSpec.of(new InterfaceName(LinkNames.OVERLAY), 1, 4789)));
        List<Set<Part>> told = new ArrayList<>();
        try (KernelWatch watch =
                new KernelWatch(netlink.listen(), netlink, told::add, KernelWatchTest::none, nanos::get)) {
            watch.turn();
            assertThat(told).isEmpty();

            netlink.execute(Requests.deleteLink(new InterfaceName(LinkNames.OVERLAY)));
            watch.turn();
        }
        assertThat(told).containsExactly(EnumSet.of(Part.OVERLAY));
    }

    /** Says what the test wants, and waits for nothing. */
    private static final class Scripted implements RouteEvents {
        final Deque<Supplier<List<Event>>> script = new ArrayDeque<>();
        final List<Duration> waits = new ArrayList<>();

        @Override
        public List<Event> poll(Duration timeout) {
            waits.add(timeout);
            return script.isEmpty() ? List.of() : script.removeFirst().get();
        }

        @Override
        public void close() {}
    }

    @Test
    void waitEndsWhenPodsAreDue() {
        Scripted events = new Scripted();
        events.script.add(() -> List.of(new Event.Resync("lost")));
        List<Set<Part>> told = new ArrayList<>();
        try (KernelWatch watch = new KernelWatch(events, netlink, told::add, KernelWatchTest::none, nanos::get)) {
            watch.turn();
            nanos.set(millis(100));
            watch.turn();
            nanos.set(millis(500));
            watch.turn();
        }
        assertThat(events.waits).containsExactly(Duration.ZERO, Duration.ofMillis(401), Duration.ZERO);
        assertThat(told).containsExactly(EnumSet.complementOf(EnumSet.of(Part.PODS)), EnumSet.of(Part.PODS));
    }

    @Test
    void threadTellsUntilItIsClosed() throws Exception {
        BlockingQueue<Set<Part>> told = new LinkedBlockingQueue<>();
        KernelWatch watch = new KernelWatch(netlink.listen(), netlink, told::add, KernelWatchTest::none, nanos::get);
        watch.start();
        netlink.execute(Requests.create(VxlanSpec.of(new InterfaceName(LinkNames.OVERLAY), 1, 4789)));
        assertThat(told.take()).containsExactly(Part.OVERLAY);
        watch.close();
        netlink.execute(Requests.deleteLink(new InterfaceName(LinkNames.OVERLAY)));
        assertThat(told).isEmpty();
    }

    @Test
    void failureDoesNotEndTheWatch() throws Exception {
        BlockingQueue<String> looked = new LinkedBlockingQueue<>();
        try (KernelWatch watch = new KernelWatch(
                netlink.listen(),
                netlink,
                _ -> {},
                () -> {
                    looked.add("looked");
                    nanos.addAndGet(millis(1000));
                    throw new IllegalStateException("expected by the test");
                },
                nanos::get)) {
            watch.start();
            looked.take();
            looked.take();
        }
    }
}
