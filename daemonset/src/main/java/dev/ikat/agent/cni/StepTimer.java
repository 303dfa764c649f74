package dev.ikat.agent.cni;

import dev.ikat.agent.config.FaultPoint;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.cni.StepObserver;
import dev.ikat.cni.Verb;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Measures the steps of CNI requests, each from its beginning to that of the next or to the request's end. Tests kill
 * the agent here.
 */
public final class StepTimer implements StepObserver {
    private static final ThreadLocal<@Nullable Step> CURRENT = new ThreadLocal<>();

    private final Metrics metrics;
    private final Optional<FaultPoint> killAt;

    private record Step(Verb verb, String name, long start) {}

    public StepTimer(Metrics metrics, Optional<FaultPoint> killAt) {
        this.metrics = metrics;
        this.killAt = killAt;
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
            metrics.step(last.verb().name(), last.name(), System.nanoTime() - last.start());
        }
    }
}
