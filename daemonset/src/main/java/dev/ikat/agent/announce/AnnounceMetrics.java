package dev.ikat.agent.announce;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.function.Supplier;

/** Metrics about announcing by ARP and neighbour discovery, where that is asked for. Thread-safe. */
final class AnnounceMetrics {
    private final Counter begun;
    private final Counter answers;

    /** @param state asked at each scrape */
    AnnounceMetrics(PrometheusRegistry registry, Supplier<AnnounceState> state) {
        begun = Counter.builder()
                .name("ikat_announce_begun")
                .help("Times that this node began to announce an address of a load balancer by ARP or neighbour "
                        + "discovery.")
                .withoutExemplars()
                .register(registry);
        answers = Counter.builder()
                .name("ikat_announce_answers")
                .help("Requests for addresses that this node answered, by protocol: arp or ndp.")
                .labelNames("protocol")
                .withoutExemplars()
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_announce_addresses")
                .help("Addresses of load balancers that this node announces on a link.")
                .labelNames("link")
                .callback(callback -> state.get()
                        .links()
                        .forEach(link -> callback.call(link.own(), link.link().value())))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_announce_unowned_addresses")
                .help("Addresses of load balancers that no node announces, as this node sees it.")
                .callback(callback -> callback.call(state.get().unowned()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_announce_conflicts")
                .help("Addresses that this node announces and that a host that is no node has claimed within five "
                        + "minutes.")
                .callback(callback -> callback.call(state.get().conflicts().size()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_announce_nodes_heard")
                .help("Other nodes whose heartbeats this node hears on a link.")
                .labelNames("link")
                .callback(callback -> state.get()
                        .links()
                        .forEach(link ->
                                callback.call(link.heard().size(), link.link().value())))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_announce_faults")
                .help("What keeps this node from announcing, or is in the way of it, as the status names it.")
                .callback(callback -> callback.call(state.get().faults().size()))
                .register(registry);
    }

    void begun(int addresses) {
        begun.inc(addresses);
    }

    void answeredArp() {
        answers.labelValues("arp").inc();
    }

    void answeredNeighbour() {
        answers.labelValues("ndp").inc();
    }
}
