package dev.ikat.agent.cni;

import dev.ikat.agent.config.FaultPoint;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.cni.StepObserver;
import dev.ikat.cni.Verb;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Measures the steps of CNI requests, each from its beginning to that of the next or to the request's end. Tests kill
 * the agent here.
 */
public final class StepTimer implements StepObserver {
    private static final ThreadLocal<@Nullable Step> CURRENT = new ThreadLocal<>();
    /** The steps of the request that this thread handles; absent where it handles none. */
    private static final ThreadLocal<@Nullable List<Taken>> REQUEST = new ThreadLocal<>();

    private final Metrics metrics;
    private final Optional<FaultPoint> killAt;

    private record Step(Verb verb, String name, long start) {}

    /** How long a step took. */
    record Taken(String step, Duration time) {}

    public StepTimer(Metrics metrics, Optional<FaultPoint> killAt) {
        this.metrics = metrics;
        this.killAt = killAt;
    }

    /** A request begins on this thread. */
    void begin() {
        REQUEST.set(new ArrayList<>());
    }

    /** The request has ended; returns its steps in their order. */
    List<Taken> end() {
        finished();
        List<Taken> taken = REQUEST.get();
        REQUEST.remove();
        return taken == null ? List.of() : taken;
    }

    @Override
    public void reached(Verb verb, String step) {
        killAt.ifPresent(point -> point.reached(verb.name(), step));
        finished();
        CURRENT.set(new Step(verb, step, System.nanoTime()));
    }

    @Override
    public void finished() {
        Step last = CURRENT.get();
        if (last != null) {
            CURRENT.remove();
            long nanos = System.nanoTime() - last.start();
            metrics.step(last.verb().name(), last.name(), nanos);
            List<Taken> taken = REQUEST.get();
            if (taken != null) {
                taken.add(new Taken(last.name(), Duration.ofNanos(nanos)));
            }
        }
    }
}
