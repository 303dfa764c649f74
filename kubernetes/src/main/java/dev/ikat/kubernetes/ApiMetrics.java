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
                .help("How old an event of a watch is when it is heard: from the newest time in the object's metadata,"
                        + " whole seconds of the API server's clock, until now by the node's; so up to 1 s too much, and"
                        + " wrong by what the clocks differ. Deletions have no such time.")
                .labelNames("kind")
                .classicOnly()
                .classicUpperBounds(0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800)
                .withoutExemplars()
                .register(registry);
        this.handshakeFailures = Counter.builder()
                .name("ikat_api_handshake_failures")
                .help(
                        "Requests to the API that failed because the server's certificate is not trusted, or ours is not.")
                .withoutExemplars()
                .register(registry);
        this.snapshotErrors = Counter.builder()
                .name("ikat_snapshot_errors")
                .help("Times that the snapshot of the cluster could not be written, for a start without the API; it is"
                        + " tried again.")
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
