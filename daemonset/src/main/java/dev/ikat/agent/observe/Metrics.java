package dev.ikat.agent.observe;

import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.kubernetes.SourceFault;
import dev.ikat.model.IpFamily;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The agent's metrics for Prometheus. Thread-safe. */
public final class Metrics extends MetricsPage {
    /** From a good step (0.1 ms) to a runtime's patience. */
    private static final double[] SECONDS = {
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5
    };

    private final PrometheusRegistry registry = registry();

    private final Counter requests = Counter.builder()
            .name("ikat_cni_requests")
            .help("CNI requests answered, by verb and by CNI error code (0 for success).")
            .labelNames("verb", "code")
            .withoutExemplars()
            .register(registry);
    private final Histogram requestSeconds = Histogram.builder()
            .name("ikat_cni_request_seconds")
            .unit(Unit.SECONDS)
            .help("Duration of CNI requests in the agent.")
            .labelNames("verb")
            .classicOnly()
            .classicUpperBounds(SECONDS)
            .withoutExemplars()
            .register(registry);
    private final Histogram stepSeconds = Histogram.builder()
            .name("ikat_cni_step_seconds")
            .unit(Unit.SECONDS)
            .help("Duration of the steps of CNI requests.")
            .labelNames("verb", "step")
            .classicOnly()
            .classicUpperBounds(SECONDS)
            .withoutExemplars()
            .register(registry);
    private final Counter runFilesLost = Counter.builder()
            .name("ikat_run_files_lost")
            .help("How often somebody removed or replaced the run directory, or the socket, the lock or the leases "
                    + "in it, and the agent restored it.")
            .labelNames("what")
            .withoutExemplars()
            .register(registry);
    private final Counter conflistsMended = Counter.builder()
            .name("ikat_conflist_mended")
            .help("How often somebody removed, emptied or changed the network configuration, and the agent restored "
                    + "it.")
            .withoutExemplars()
            .register(registry);

    /** From now on it is served which agent this is, on the node of this name. */
    public void build(String node) {
        BuildInfo.register(registry, node);
    }

    /** Counts one answered request. */
    public void request(String verb, int code, long nanos) {
        requests.labelValues(verb, Integer.toString(code)).inc();
        requestSeconds.labelValues(verb).observe(Unit.nanosToSeconds(nanos));
    }

    /** Counts one finished step of a request. */
    public void step(String verb, String step, long nanos) {
        stepSeconds.labelValues(verb, step).observe(Unit.nanosToSeconds(nanos));
    }

    /** Counts a file that disappeared from the run directory. */
    public void runFileLost(String what) {
        runFilesLost.labelValues(what).inc();
    }

    /** Counts a network configuration that had to be restored. */
    public void conflistMended() {
        conflistsMended.inc();
    }

    /** Serves the faults of the network configuration by their cause, computed at each scrape. */
    public void conflistFaults(Supplier<Map<String, Long>> faults) {
        GaugeWithCallback.builder()
                .name("ikat_conflist_faults")
                .help("Current faults that keep pods from getting the network of the network configuration, by cause: "
                        + "read_first (a runtime reads another file before it), invalid (a plugin's configuration "
                        + "beside it can't be read), plugin_missing (a plugin is not installed, so that no pod "
                        + "starts), plugin_left_out (pods go without a plugin that is not installed).")
                .labelNames("cause")
                .callback(callback -> faults.get().forEach((cause, count) -> callback.call(count, cause)))
                .register(registry);
    }

    /** Serves the number of addresses by range and state, computed at each scrape. */
    public void leases(Consumer<GaugeWithCallback.Callback> callback) {
        GaugeWithCallback.builder()
                .name("ikat_addresses")
                .help("Pod addresses of this node, by range and state: leased or free.")
                .labelNames("range", "state")
                .callback(callback)
                .register(registry);
    }

    /** Serves whether the agent is ready, computed at each scrape. */
    public void readiness(BooleanSupplier ready) {
        GaugeWithCallback.builder()
                .name("ikat_ready")
                .help("1 if pods can be given a working network, as /readyz says.")
                .callback(callback -> callback.call(ready.getAsBoolean() ? 1 : 0))
                .register(registry);
    }

    /** Serves the faults of nodes' parts of the overlay, computed at each scrape. */
    public void nodeFaults(Supplier<List<NodeFault>> faults) {
        GaugeWithCallback.builder()
                .name("ikat_node_faults")
                .help("Current faults of nodes' parts of the overlay, as this node sees them, by the node at fault "
                        + "and by cause: block_claimed and address_claimed (another node had it first), "
                        + "block_in_use (a pod CIDR contains addresses that are not pods'), unreachable, route "
                        + "(another route is in the way), tunnel (the UDP port of tunnels is in use by another link "
                        + "or program), address_held (this host has an address of its own pod CIDR), mtu, family (the "
                        + "kernel has no IPv6).")
                .labelNames("node", "cause")
                .callback(callback -> faults.get().stream()
                        .collect(Collectors.groupingBy(
                                fault -> List.of(fault.node(), fault.cause().label()), Collectors.counting()))
                        .forEach((labels, count) -> callback.call(count, labels.getFirst(), labels.getLast())))
                .register(registry);
    }

    /** Serves the families of which no packet passes between pods of this node, computed at each scrape. */
    public void blockedPackets(Supplier<Set<IpFamily>> failing) {
        GaugeWithCallback.builder()
                .name("ikat_packets_blocked")
                .help("1 if the last self-test found that no packet of this IP family passes between two pods of this "
                        + "node; the status names what refuses them and the command that mends it.")
                .labelNames("family")
                .callback(callback -> {
                    for (IpFamily family : IpFamily.values()) {
                        callback.call(
                                failing.get().contains(family) ? 1 : 0,
                                family.name().toLowerCase(Locale.ROOT));
                    }
                })
                .register(registry);
    }

    /** Serves whether the last reload left something out, computed at each scrape. */
    public void reloads(Supplier<List<String>> notApplied) {
        GaugeWithCallback.builder()
                .name("ikat_reload_incomplete")
                .help("1 while settings are not in force that the last SIGHUP asked for, as the status says.")
                .callback(callback -> callback.call(notApplied.get().isEmpty() ? 0 : 1))
                .register(registry);
    }

    /** Serves whether the agent works from an earlier run's snapshot of the cluster, computed at each scrape. */
    public void degraded(BooleanSupplier degraded) {
        GaugeWithCallback.builder()
                .name("ikat_degraded")
                .help("1 while the API has not answered since the start and a snapshot of an earlier run is in "
                        + "force.")
                .callback(callback -> callback.call(degraded.getAsBoolean() ? 1 : 0))
                .register(registry);
    }

    /** Serves the faults of the cluster's source, by the object that each is about, computed at each scrape. */
    public void clusterFaults(Supplier<List<SourceFault>> faults) {
        GaugeWithCallback.builder()
                .name("ikat_cluster_faults")
                .help("Current faults of the API or the manifests, as the status names them, by the object that "
                        + "can't be read; empty labels if a fault is about no object, or its object is not known.")
                .labelNames("kind", "namespace", "name")
                .callback(callback -> faults.get().stream()
                        .collect(Collectors.groupingBy(SourceFault::object, Collectors.counting()))
                        .forEach((object, count) -> callback.call(
                                count,
                                object.map(key -> key.kind().title()).orElse(""),
                                object.map(ObjectKey::namespace).orElse(""),
                                object.map(ObjectKey::name).orElse(""))))
                .register(registry);
    }

    /** Serves the time since the API was last heard, by kind of objects, computed at each scrape. */
    public void apiSilence(Supplier<Map<String, Duration>> silence) {
        GaugeWithCallback.builder()
                .name("ikat_api_silence_seconds")
                .help("Time since the API last sent anything about objects of a kind; it sends something about once "
                        + "a minute.")
                .labelNames("kind")
                .callback(callback ->
                        silence.get().forEach((kind, duration) -> callback.call(duration.toMillis() / 1e3, kind)))
                .register(registry);
    }
}
