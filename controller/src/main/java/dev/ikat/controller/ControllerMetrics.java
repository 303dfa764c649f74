package dev.ikat.controller;

import dev.ikat.controller.allocation.PoolState;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** What is measured of the controller. Thread-safe. */
final class ControllerMetrics {
    private final Histogram delay;
    private final Counter writes;

    /** What can be counted at any time. */
    interface Counts {
        List<PoolState> pools();

        /** The pools of which what their object says is not in force. */
        List<String> refusedPools();

        long refusedServices();

        long servedServices();
    }

    ControllerMetrics(PrometheusRegistry registry) {
        this.delay = Histogram.builder()
                .name("ikat_controller_assignment_seconds")
                .help("Time from hearing of a change until the status that follows from it was written to a service.")
                .classicOnly()
                .classicUpperBounds(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
                .withoutExemplars()
                .register(registry);
        this.writes = Counter.builder()
                .name("ikat_controller_writes")
                .help("Requests that write to the API, by what is written (service, pool, event) and what became of "
                        + "it: done, conflict (there is a newer version, which is looked at next), gone or failed (it "
                        + "is tried again).")
                .labelNames("object", "result")
                .withoutExemplars()
                .register(registry);
    }

    /** Serves whether this replica is the one that gives addresses, and what it knows then. */
    void serve(PrometheusRegistry registry, BooleanSupplier leads, Supplier<Counts> counts) {
        GaugeWithCallback.builder()
                .name("ikat_controller_leading")
                .help("1 if this replica is the one that gives services their addresses.")
                .callback(callback -> callback.call(leads.getAsBoolean() ? 1 : 0))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_pool_addresses")
                .help("Addresses of an AddressPool, by state: used or free; a very large number stands for itself and "
                        + "more.")
                .labelNames("pool", "state")
                .callback(callback -> counts.get().pools().forEach(pool -> {
                    callback.call((double) pool.used(), pool.pool().name(), "used");
                    callback.call(
                            (double) pool.total() - pool.used(), pool.pool().name(), "free");
                }))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_pool_refused")
                .help("1 for each AddressPool of which what its object says is not in force; its status says why.")
                .labelNames("pool")
                .callback(callback -> counts.get().refusedPools().forEach(pool -> callback.call(1, pool)))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_load_balancer_services")
                .help("Services that Ikat gives addresses, by state: served (they have one) or refused (they lack one; "
                        + "an event says why).")
                .labelNames("state")
                .callback(callback -> {
                    callback.call((double) counts.get().servedServices(), "served");
                    callback.call((double) counts.get().refusedServices(), "refused");
                })
                .register(registry);
    }

    void assigned(Duration after) {
        delay.observe(after.toNanos() / 1e9);
    }

    void written(String object, String result) {
        writes.labelValues(object, result).inc();
    }
}
