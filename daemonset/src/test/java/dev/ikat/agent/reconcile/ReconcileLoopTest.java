package dev.ikat.agent.reconcile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.Cause;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ReconcileLoopTest {
    private final Readiness readiness = new Readiness();
    private final Semaphore rounds = new Semaphore(0);
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final ReconcileMetrics metrics = new ReconcileMetrics(registry);

    private ReconcileLoop loop(Map<Part, ReconcileLoop.Reconciliation> parts, Duration interval) {
        ReconcileLoop loop = new ReconcileLoop(interval, readiness, metrics, new RecentErrors(Clock.systemUTC()));
        parts.forEach(loop::register);
        loop.afterEachRound(rounds::release);
        return loop;
    }

    private void awaitRound() throws InterruptedException {
        assertThat(rounds.tryAcquire(5, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void burstOfEventsIsAnsweredByOneRound() throws Exception {
        AtomicInteger overlay = new AtomicInteger();
        AtomicInteger masquerade = new AtomicInteger();
        try (ReconcileLoop loop = loop(
                Map.of(Part.OVERLAY, () -> overlay.incrementAndGet() * 0, Part.MASQUERADE, masquerade::incrementAndGet),
                Duration.ofMinutes(5))) {
            loop.start();
            awaitRound();
            synchronized (loop) {
                for (int i = 0; i < 20; i++) {
                    loop.trigger(Set.of(Part.OVERLAY), Cause.DRIFT);
                }
            }
            awaitRound();
            assertThat(rounds.tryAcquire(200, TimeUnit.MILLISECONDS)).isFalse();
        }
        assertThat(overlay).hasValue(2);
        assertThat(masquerade).hasValue(1);
    }

    @Test
    void failureIsTriedAgainAndIsAReasonMeanwhile() throws Exception {
        AtomicBoolean broken = new AtomicBoolean(true);
        try (ReconcileLoop loop = loop(
                Map.of(Part.OVERLAY, () -> {
                    if (broken.get()) {
                        throw new IllegalStateException("expected by the test");
                    }
                    return 0;
                }),
                Duration.ofMinutes(5))) {
            loop.start();
            awaitRound();
            assertThat(readiness.reasons()).contains("overlay: expected by the test");
            broken.set(false);
            do {
                awaitRound();
            } while (readiness.reasons().stream().anyMatch(r -> r.startsWith("overlay")));
        }
    }

    @Test
    void waitingPartIsNotTriedBeforeSomethingHappens() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        try (ReconcileLoop loop = loop(
                Map.of(Part.NODE, () -> {
                    runs.incrementAndGet();
                    throw new ReconcileLoop.NotYetException("node a is not known");
                }),
                Duration.ofMinutes(5))) {
            loop.start();
            awaitRound();
            assertThat(rounds.tryAcquire(600, TimeUnit.MILLISECONDS)).isFalse();
            loop.trigger(Set.of(Part.NODE), Cause.CHANGE);
            awaitRound();
        }
        assertThat(runs).hasValue(2);
        assertThat(readiness.reasons()).contains("node: node a is not known");
    }

    @Test
    void everythingIsLookedAtOnTheTimer() throws Exception {
        Set<Part> seen = EnumSet.noneOf(Part.class);
        try (ReconcileLoop loop = loop(
                Map.of(Part.OVERLAY, () -> note(seen, Part.OVERLAY), Part.PODS, () -> note(seen, Part.PODS)),
                Duration.ofMillis(100))) {
            loop.start();
            awaitRound();
            awaitRound();
            awaitRound();
        }
        assertThat(seen).containsExactlyInAnyOrder(Part.OVERLAY, Part.PODS);
    }

    @Test
    void repairsAreCountedByWhoseDoingTheyAre() throws Exception {
        AtomicInteger changes = new AtomicInteger(1);
        AtomicBoolean waiting = new AtomicBoolean(true);
        try (ReconcileLoop loop = loop(
                Map.of(Part.OVERLAY, () -> {
                    if (waiting.get()) {
                        throw new ReconcileLoop.NotYetException("the node is not known yet");
                    }
                    return changes.get();
                }),
                Duration.ofMinutes(5))) {
            loop.start();
            awaitRound();
            waiting.set(false);
            // Set up the first time, whatever it waited for.
            loop.trigger(Set.of(Part.OVERLAY), Cause.CHANGE);
            awaitRound();
            assertThat(repairs()).containsExactly(Map.entry("start", 1.0));

            changes.set(10);
            loop.trigger(Set.of(Part.OVERLAY), Cause.CHANGE);
            awaitRound();
            changes.set(100);
            loop.trigger(Set.of(Part.OVERLAY), Cause.DRIFT);
            awaitRound();
            changes.set(1_000);
            synchronized (loop) {
                loop.trigger(Set.of(Part.OVERLAY), Cause.DRIFT);
                loop.trigger(Set.of(Part.OVERLAY), Cause.CHANGE);
                loop.trigger(Set.of(Part.OVERLAY), Cause.DRIFT);
            }
            awaitRound();
        }
        assertThat(repairs())
                .containsExactly(Map.entry("change", 1_010.0), Map.entry("drift", 100.0), Map.entry("start", 1.0));
    }

    @Test
    void whatTheTimerFindsIsDriftAndAFailedChangeIsStillOneWhenItIsTriedAgain() throws Exception {
        AtomicBoolean broken = new AtomicBoolean();
        AtomicInteger changes = new AtomicInteger();
        try (ReconcileLoop loop = loop(
                Map.of(Part.OVERLAY, () -> {
                    if (broken.get()) {
                        throw new IllegalStateException("expected by the test");
                    }
                    return changes.getAndSet(0);
                }),
                Duration.ofMillis(800))) {
            loop.start();
            awaitRound();
            changes.set(1);
            do {
                awaitRound();
            } while (repairs().isEmpty());
            assertThat(repairs()).containsExactly(Map.entry("drift", 1.0));

            broken.set(true);
            changes.set(10);
            loop.trigger(Set.of(Part.OVERLAY), Cause.CHANGE);
            awaitRound();
            broken.set(false);
            awaitRound();
        }
        assertThat(repairs()).containsExactly(Map.entry("change", 10.0), Map.entry("drift", 1.0));
    }

    @Test
    void partsRunInTheOrderInWhichTheyWereRegistered() throws Exception {
        List<Part> order = new CopyOnWriteArrayList<>();
        try (ReconcileLoop loop = loop(Map.of(), Duration.ofMinutes(5))) {
            for (Part part : List.of(Part.PODS, Part.NODE, Part.OVERLAY)) {
                loop.register(part, () -> note(order, part));
            }
            loop.start();
            awaitRound();
        }
        assertThat(order).containsExactly(Part.PODS, Part.NODE, Part.OVERLAY);
    }

    @Test
    void partIsRegisteredOnceAndBeforeTheStart() throws Exception {
        try (ReconcileLoop loop = loop(Map.of(Part.NODE, () -> 0), Duration.ofMinutes(5))) {
            assertThatThrownBy(() -> loop.register(Part.NODE, () -> 0)).hasMessage("NODE is already registered");
            loop.start();
            assertThatThrownBy(() -> loop.register(Part.PODS, () -> 0)).hasMessage("the loop is already running");
            assertThatThrownBy(() -> loop.afterEachRound(() -> {})).hasMessage("the loop is already running");
        }
    }

    @Test
    void loopThatWasNeverStartedIsClosed() {
        loop(Map.of(Part.NODE, () -> 0), Duration.ofMinutes(5)).close();
    }

    /** By cause. */
    private Map<String, Double> repairs() {
        Map<String, Double> repairs = new TreeMap<>();
        registry.scrape(name -> name.equals("ikat_repairs")).stream()
                .flatMap(metric -> ((CounterSnapshot) metric).getDataPoints().stream())
                .forEach(point -> repairs.put(String.valueOf(point.getLabels().get("cause")), point.getValue()));
        return repairs;
    }

    private static int note(Collection<Part> seen, Part part) {
        seen.add(part);
        return 0;
    }
}
