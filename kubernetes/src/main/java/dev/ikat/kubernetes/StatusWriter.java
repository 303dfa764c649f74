package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import java.time.Instant;
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
        String path = kind.statusPath(object);
        String body = ConditionPatch.of(condition, Instant.now());
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
}
