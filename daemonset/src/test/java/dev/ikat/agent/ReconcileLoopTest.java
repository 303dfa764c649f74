package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.Readiness.Part;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
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

    private ReconcileLoop loop(Map<Part, ReconcileLoop.Reconciliation> parts, Duration interval) {
        return new ReconcileLoop(
                parts, interval, readiness, new Metrics(), new RecentErrors(Clock.systemUTC()), rounds::release);
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
            for (int i = 0; i < 20; i++) {
                loop.trigger(Set.of(Part.OVERLAY));
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
            awaitRound();
            assertThat(readiness.reasons()).noneMatch(r -> r.startsWith("overlay"));
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
            loop.trigger(Set.of(Part.NODE));
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

    private static int note(Set<Part> seen, Part part) {
        seen.add(part);
        return 0;
    }
}
