package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Counts drops by cause, direction, namespace and set of policies. However many policies come and go, there are at most
 * {@value #MAX_SERIES} such series: drops that would need another one are counted in one for each cause, whose labels
 * say {@value #OTHER}. A series stays until the agent ends, also when its policies are gone, because a counter that
 * disappears and comes back from zero would go backwards.
 */
final class DropMetrics {
    static final int MAX_SERIES = 300;
    /** In parentheses, which no namespace and no policy has in its name. */
    static final String OTHER = "(other)";

    /** The longest text of a set of policies, except that one name is always whole. */
    static final int MAX_SET_LENGTH = 200;

    private final Set<List<String>> series = new HashSet<>();
    private final Counter drops;
    private final Counter errors;

    DropMetrics(PrometheusRegistry registry, LongSupplier lost) {
        drops = Counter.builder()
                .name("ikat_policy_drops")
                .help("Packets that policies or the source guard dropped, as far as the kernel's rate limit lets it "
                        + "report them, by cause, and if a policy is the cause by direction, namespace of the pod and "
                        + "all policies that isolate the pod in that direction.")
                .labelNames("cause", "direction", "namespace", "policies")
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
        String cause = drop.cause().label();
        String direction = drop.direction();
        // A forged packet says nothing reliable about the pod that sent it.
        String namespace =
                direction.isEmpty() ? "" : drop.pod().map(ObjectKey::namespace).orElse("");
        List<String> labels = List.of(cause, direction, namespace, setOf(drop.policies()));
        if (!series.contains(labels)) {
            if (series.size() < MAX_SERIES) {
                series.add(labels);
            } else {
                labels = List.of(cause, direction, OTHER, OTHER);
            }
        }
        drops.labelValues(labels.toArray(String[]::new)).inc();
    }

    /** As many of the names as fit, in their order, as in {@code shop/a,shop/b,+3 more}. */
    static String setOf(List<ObjectKey> policies) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < policies.size(); i++) {
            String name = Drop.name(policies.get(i));
            if (i > 0 && text.length() + 1 + name.length() > MAX_SET_LENGTH) {
                return text.append(",+")
                        .append(policies.size() - i)
                        .append(" more")
                        .toString();
            }
            text.append(i == 0 ? "" : ",").append(name);
        }
        return text.toString();
    }
}
