package dev.ikat.agent.policy;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Counts drops by cause and policy. However many policies come and go, there are at most {@value #MAX_POLICIES} label
 * values for them: later ones are counted as {@code other}.
 */
final class DropMetrics {
    static final int MAX_POLICIES = 200;

    private final Set<String> policies = new HashSet<>();
    private final Counter drops;
    private final Counter errors;

    DropMetrics(PrometheusRegistry registry, LongSupplier lost) {
        drops = Counter.builder()
                .name("ikat_policy_drops")
                .help("Packets that policies or the source guard dropped, as far as the kernel's rate limit lets it "
                        + "report them, by cause and by the first of the policies that isolate the pod.")
                .labelNames("cause", "policy")
                .withoutExemplars()
                .register(registry);
        errors = Counter.builder()
                .name("ikat_policy_drops_read_errors")
                .help("How often reports of dropped packets could not be read; the agent tries again each second.")
                .withoutExemplars()
                .register(registry);
        CounterWithCallback.builder()
                .name("ikat_policy_drops_lost")
                .help("Reports of dropped packets that arrived faster than they were read.")
                .callback(callback -> callback.call((double) lost.getAsLong()))
                .register(registry);
    }

    /** Reading failed. */
    void failed() {
        errors.inc();
    }

    synchronized void count(Drop drop) {
        String policy =
                drop.policies().isEmpty() ? "" : Drop.name(drop.policies().getFirst());
        if (!policies.contains(policy) && policies.size() >= MAX_POLICIES) {
            policy = "other";
        } else {
            policies.add(policy);
        }
        drops.labelValues(drop.cause().label(), policy).inc();
    }
}
