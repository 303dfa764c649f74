package dev.ikat.agent.bgp;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.function.Supplier;

/** Metrics about BGP, where it is spoken. Thread-safe. */
final class BgpMetrics {
    private final Counter starts;
    private final Counter lost;

    /** @param state asked at each scrape */
    BgpMetrics(PrometheusRegistry registry, Supplier<BgpState> state) {
        starts = Counter.builder()
                .name("ikat_bgp_bird_starts")
                .help("Times that this agent started BIRD.")
                .withoutExemplars()
                .register(registry);
        lost = Counter.builder()
                .name("ikat_bgp_sessions_lost")
                .help("Times that an established session with this neighbour ended.")
                .labelNames("session")
                .withoutExemplars()
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_bird_up")
                .help("1 if BIRD answers.")
                .callback(callback -> callback.call(state.get().answers() ? 1 : 0))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_in_force")
                .help("1 if BIRD runs by the present objects; 0 if not, as the status explains.")
                .callback(callback -> callback.call(state.get().failure().isEmpty() ? 1 : 0))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_object_faults")
                .help("What is wrong with BgpPeers and BgpAdvertisements, or with their passwords.")
                .callback(callback -> callback.call(state.get().findings().size()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_routes_announced")
                .help("Different routes that this node announces to any neighbour.")
                .callback(callback -> callback.call(state.get().announced()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_session_up")
                .help("1 if the session with this neighbour is established.")
                .labelNames("session")
                .callback(callback -> state.get()
                        .sessions()
                        .forEach(session -> callback.call(session.established() ? 1 : 0, session.name())))
                .register(registry);
        GaugeWithCallback.builder()
                .name("ikat_bgp_session_routes")
                .help("Routes in the session with this neighbour: received (those that are used) and sent.")
                .labelNames("session", "direction")
                .callback(callback -> state.get().sessions().forEach(session -> {
                    callback.call((double) session.received(), session.name(), "received");
                    callback.call((double) session.sent(), session.name(), "sent");
                }))
                .register(registry);
    }

    void started() {
        starts.inc();
    }

    void lost(String session) {
        lost.labelValues(session).inc();
    }
}
