package dev.ikat.agent.services;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.Unit;
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
        // One look at the state for all of them, as it goes through all services.
        registry.register((MultiCollector) () -> gauges(state.get()));
    }

    private static MetricSnapshots gauges(ServiceState now) {
        return MetricSnapshots.of(
                gauge(
                        "ikat_service_ports",
                        "Ports of services that this node sends connections of to their backends.",
                        now.services()),
                gauge(
                        "ikat_service_frontends",
                        "Addresses and ports at which services are reached on this node.",
                        now.frontends()),
                gauge(
                        "ikat_service_backends",
                        "Different sockets of endpoints to which connections to services go.",
                        now.backends()),
                gauge(
                        "ikat_services_in_force",
                        "1 if Ikat has services in force on this node; 0 if it does not, as the status explains.",
                        now.dataplane().isPresent() ? 1 : 0));
    }

    private static GaugeSnapshot gauge(String name, String help, int value) {
        return GaugeSnapshot.builder()
                .name(name)
                .help(help)
                .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder()
                        .value(value)
                        .build())
                .build();
    }

    void applied(long nanos) {
        seconds.observe(Unit.nanosToSeconds(nanos));
    }

    void forgotten(int flows) {
        forgotten.inc(flows);
    }
}
