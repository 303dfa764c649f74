package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes conditions into the status of objects. Thread-safe. */
final class StatusWriter {
    private static final Logger LOG = LoggerFactory.getLogger(StatusWriter.class);

    private final ApiConnection api;
    private final ScheduledExecutorService timer;

    /** @param timer on which requests are made; they end when it does */
    StatusWriter(ApiConnection api, ScheduledExecutorService timer) {
        this.api = api;
        this.timer = timer;
    }

    /** Writes the condition as the only one of the object, once. Returns at once. */
    void write(ApiKind<?> kind, ObjectKey object, ObjectCondition condition) {
        String path = kind.paths().getFirst() + "/" + object.name() + "/status";
        String body = patch(condition, Instant.now().truncatedTo(ChronoUnit.SECONDS));
        try {
            timer.execute(() -> send(object, path, body));
        } catch (RejectedExecutionException e) {
            LOG.atDebug().addKeyValue("object", object).log("api-status-ended");
        }
    }

    private void send(ObjectKey object, String path, String body) {
        try {
            api.merge(path, body);
        } catch (ApiException e) {
            LOG.atWarn()
                    .addKeyValue("object", object)
                    .addKeyValue("error", e.getMessage())
                    .log("api-status-failed");
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private static String patch(ObjectCondition condition, Instant since) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = ApiConnection.JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeObjectFieldStart("status");
            json.writeArrayFieldStart("conditions");
            json.writeStartObject();
            json.writeStringField("type", condition.type());
            json.writeStringField("status", condition.holds() ? "True" : "False");
            json.writeStringField("reason", condition.reason());
            json.writeStringField("message", condition.message());
            json.writeNumberField("observedGeneration", condition.observedGeneration());
            json.writeStringField("lastTransitionTime", since.toString());
            json.writeEndObject();
            json.writeEndArray();
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write to memory", e);
        }
        return text.toString();
    }
}
