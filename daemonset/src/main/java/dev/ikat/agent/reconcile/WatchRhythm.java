package dev.ikat.agent.reconcile;

import dev.ikat.agent.reconcile.Readiness.Part;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;

/**
 * When parts are told to look: at once, but the pods' part half a second after the first of what concerns it and once
 * for all of that, since a pod that goes looks like damage until its DEL is done. Each second is the time to look at
 * what the kernel does not tell. Not thread-safe.
 */
final class WatchRhythm {
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration PODS_DELAY = Duration.ofMillis(500);

    private long nextTick;
    private boolean podsPending;
    private long podsDue;

    /** @param now the first time to look; as all here in nanoseconds, as {@link System#nanoTime} counts */
    WatchRhythm(long now) {
        this.nextTick = now;
    }

    /** How long nothing is due unless something happens. */
    Duration idle(long now) {
        long left = podsPending ? Math.min(nextTick - now, podsDue - now) : nextTick - now;
        return left > 0 ? Duration.ofNanos(left).plusMillis(1) : Duration.ZERO;
    }

    /**
     * The parts that have to look now.
     *
     * @param concerned those that something has happened to
     * @param eachSecond looks, and returns the parts that have to; asked when a second is over
     */
    Set<Part> due(Set<Part> concerned, long now, Supplier<Set<Part>> eachSecond) {
        Set<Part> parts = EnumSet.noneOf(Part.class);
        parts.addAll(concerned);
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
        return parts;
    }
}
