package dev.ikat.agent.reconcile;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Locale;

/** The metrics of the reconcile loop. Thread-safe. */
public final class ReconcileMetrics {
    private final Counter repairs;
    private final Counter errors;

    /** @param registry serves the metrics */
    public ReconcileMetrics(PrometheusRegistry registry) {
        this.repairs = Counter.builder()
                .name("ikat_repairs")
                .help("Changes made to the kernel because it differed from the desired state, by part and by "
                        + "cause: start (until the part is in order "
                        + "for the first time), change (of the cluster or "
                        + "the settings), drift (found after a notification of the kernel or by the timer).")
                .labelNames("part", "cause")
                .withoutExemplars()
                .register(registry);
        this.errors = Counter.builder()
                .name("ikat_reconcile_errors")
                .help("Reconciliations that failed and are tried again, by part.")
                .labelNames("part")
                .withoutExemplars()
                .register(registry);
    }

    /** Counts changes to the kernel. */
    public void repaired(Readiness.Part part, ReconcileLoop.Cause cause, int changes) {
        repairs.labelValues(part.name().toLowerCase(Locale.ROOT), cause.label()).inc(changes);
    }

    /** Counts a failed reconciliation. */
    public void failed(Readiness.Part part) {
        errors.labelValues(part.name().toLowerCase(Locale.ROOT)).inc();
    }
}
