package dev.ikat.agent.observe;

import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicBoolean;

/** A process' metrics as Prometheus reads them. Thread-safe. */
public class MetricsPage {
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();

    /** Metrics of the process and of its Java runtime: from the first scrape on, so that no start waits for them. */
    private final AtomicBoolean withRuntime = new AtomicBoolean();

    /** The registry for the metrics of the process' parts. */
    public final PrometheusRegistry registry() {
        return registry;
    }

    /** Writes everything in Prometheus' text format. */
    public final void write(OutputStream out) throws IOException {
        if (withRuntime.compareAndSet(false, true)) {
            JvmMetrics.builder().register(registry);
        }
        writer.write(out, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
    }

    final String contentType() {
        return PrometheusTextFormatWriter.CONTENT_TYPE;
    }
}
