package dev.ikat.agent.services;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.time.Duration;
import java.util.function.Supplier;

/** Metrics about services. Thread-safe. */
final class ServiceMetrics {
    private final Histogram seconds;
    private final Counter forgotten;

    /** @param state asked at each scrape */
    ServiceMetrics(PrometheusRegistry registry, Supplier<ServiceState> state) {
        seconds = Histogram.builder()
                .name("ikat_service_sync_seconds")
                .unit(Unit.SECONDS)
                .help(
                        "Time from the first event of a change of services or endpoints until the kernel has it in force.")
                .classicOnly()
                .classicUpperBounds(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
                .withoutExemplars()
                .register(registry);
        forgotten = Counter.builder()
                .name("ikat_service_flows_forgotten")
                .help("Flows of UDP and SCTP that connection tracking was made to forget because the service no longer "
                        + "has their backend.")
                .withoutExemplars()
                .register(registry);
        Supplier<ServiceState> recent = new Recent(state);
        GaugeWithCallback.builder()
                .name("ikat_service_ports")
                .help("Ports of services that this node sends connections of to their backends.")
                .callback(callback -> callback.call(recent.get().services()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_service_frontends")
                .help("Addresses and ports at which services are reached on this node.")
                .callback(callback -> callback.call(recent.get().frontends()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_service_backends")
                .help("Different sockets of endpoints to which connections to services go.")
                .callback(callback -> callback.call(recent.get().backends()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_services_in_force")
                .help("1 if Ikat has services in force on this node; 0 if it does not, as the status explains.")
                .callback(callback -> callback.call(recent.get().dataplane().isPresent() ? 1 : 0))
                .register(registry);
    }

    /**
     * The state as it was at most {@link #AGE} ago: to ask for it goes through all services, and each scrape needs it
     * four times. Thread-safe.
     */
    private static final class Recent implements Supplier<ServiceState> {
        private static final long AGE = Duration.ofMillis(200).toNanos();

        private final Supplier<ServiceState> state;
        private ServiceState last = ServiceState.OFF;
        private long asked = System.nanoTime() - AGE;

        Recent(Supplier<ServiceState> state) {
            this.state = state;
        }

        @Override
        public synchronized ServiceState get() {
            long now = System.nanoTime();
            if (now - asked >= AGE) {
                last = state.get();
                asked = now;
            }
            return last;
        }
    }

    void applied(long nanos) {
        seconds.observe(Unit.nanosToSeconds(nanos));
    }

    void forgotten(int flows) {
        forgotten.inc(flows);
    }
}
