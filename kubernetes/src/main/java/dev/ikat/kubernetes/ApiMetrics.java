package dev.ikat.kubernetes;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** What is measured of the API. Thread-safe. */
final class ApiMetrics {
    private final Clock clock;
    private final Histogram lag;
    private final Counter handshakeFailures;
    private final Counter snapshotErrors;

    /**
     * @param registry where they are served
     * @param clock this node's, which the API server's is compared with
     */
    ApiMetrics(PrometheusRegistry registry, Clock clock) {
        this.clock = clock;
        this.lag = Histogram.builder()
                .name("ikat_api_event_lag_seconds")
                .unit(Unit.SECONDS)
                .help("Age of a watch event when it arrives: from the newest time in the object's metadata, in "
                        + "whole seconds of the API server's clock, until now by the node's clock; so up to 1 s "
                        + "too much, and wrong by the difference between the clocks. Deletions have no such time.")
                .labelNames("kind")
                .classicOnly()
                .classicUpperBounds(0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800)
                .withoutExemplars()
                .register(registry);
        this.handshakeFailures = Counter.builder()
                .name("ikat_api_handshake_failures")
                .help("Requests to the API that failed because the server's certificate is not trusted, or the "
                        + "agent's is not.")
                .withoutExemplars()
                .register(registry);
        this.snapshotErrors = Counter.builder()
                .name("ikat_snapshot_errors")
                .help("How often the snapshot of the cluster, for a start without the API, could not be "
                        + "written; the agent tries again.")
                .withoutExemplars()
                .register(registry);
    }

    /** A request failed for want of trust. */
    void handshakeFailed() {
        handshakeFailures.inc();
    }

    /** The snapshot could not be written. */
    void snapshotFailed() {
        snapshotErrors.inc();
    }

    /** An event was heard of something that was written at this time. */
    void heard(ApiKind<?> kind, Instant written) {
        Duration age = Duration.between(written, clock.instant());
        lag.labelValues(kind.title()).observe(Math.max(0, age.toMillis() / 1e3));
    }
}
