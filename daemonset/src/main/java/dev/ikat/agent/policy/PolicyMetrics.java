package dev.ikat.agent.policy;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.util.Map;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

/** Metrics about policies. Thread-safe. */
public final class PolicyMetrics {
    private final PrometheusRegistry registry;
    private final Histogram seconds;
    private final Counter cut;

    /** @param registry serves the metrics */
    public PolicyMetrics(PrometheusRegistry registry) {
        this.registry = registry;
        this.seconds = Histogram.builder()
                .name("ikat_policy_apply_seconds")
                .unit(Unit.SECONDS)
                .help("Time from the first event of a policy change until the kernel enforces it.")
                .classicOnly()
                .classicUpperBounds(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
                .withoutExemplars()
                .register(registry);
        this.cut = Counter.builder()
                .name("ikat_policy_connections_cut")
                .help("Open connections that were ended because a policy now forbids them.")
                .withoutExemplars()
                .register(registry);
    }

    /** Serves on how many of the node's interfaces policies are enforced, computed at each scrape. */
    public void endpoints(IntSupplier count) {
        GaugeWithCallback.builder()
                .name("ikat_policy_endpoints")
                .help("Interfaces of pods on this node on which policies are enforced.")
                .callback(callback -> callback.call(count.getAsInt()))
                .register(registry);
    }

    /** Serves how many addresses several pods claim, computed at each scrape. */
    public void contests(IntSupplier count) {
        GaugeWithCallback.builder()
                .name("ikat_policy_contested_addresses")
                .help("Addresses that several pods claim, as the log names them; policies believe this node's "
                        + "leases, and elsewhere the newest pod.")
                .callback(callback -> callback.call(count.getAsInt()))
                .register(registry);
    }

    /** Serves how full eBPF's tables are, 0 to 1 by name, computed at each scrape. */
    public void tables(Supplier<Map<String, Double>> fill) {
        GaugeWithCallback.builder()
                .name("ikat_ebpf_table_fill_ratio")
                .help("How full a table of the eBPF backend is, 0 to 1; a pod that does not fit is closed.")
                .labelNames("table")
                .callback(callback -> fill.get().forEach((table, ratio) -> callback.call(ratio, table)))
                .register(registry);
    }

    void applied(long nanos) {
        seconds.observe(Unit.nanosToSeconds(nanos));
    }

    void cut(int connections) {
        cut.inc(connections);
    }
}
