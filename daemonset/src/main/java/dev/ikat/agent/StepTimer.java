package dev.ikat.agent;

import dev.ikat.cni.StepObserver;
import dev.ikat.cni.Verb;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Times the steps of CNI requests, each from its beginning to that of the next, and is where tests kill the agent. */
final class StepTimer implements StepObserver {
    private static final ThreadLocal<@Nullable Step> CURRENT = new ThreadLocal<>();

    private final Metrics metrics;
    private final Optional<FaultPoint> killAt;

    private record Step(Verb verb, String name, long start) {}

    StepTimer(Metrics metrics, Optional<FaultPoint> killAt) {
        this.metrics = metrics;
        this.killAt = killAt;
    }

    @Override
    public void reached(Verb verb, String step) {
        killAt.ifPresent(point -> point.reached(verb.name(), step));
        long now = System.nanoTime();
        Step before = CURRENT.get();
        if (before != null) {
            metrics.step(before.verb().name(), before.name(), now - before.start());
        }
        CURRENT.set(new Step(verb, step, now));
    }

    /** The request of the calling thread is over; what it was doing last has no next step to end it. */
    void finished() {
        CURRENT.remove();
    }
}
