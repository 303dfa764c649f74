package dev.ikat.kubernetes;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the API that a node's pods have a network: the node's condition NetworkUnavailable is False. It is said until
 * the API takes it, and then now and then, always in the same words, so that to say it again writes nothing.
 */
final class NodeAnnouncer {
    private static final Logger LOG = LoggerFactory.getLogger(NodeAnnouncer.class);

    private final ApiConnection api;
    private final ScheduledExecutorService timer;
    private final Patience patience;
    private String lastFailure = "";

    /** @param timer on which requests are made; they end when it does */
    NodeAnnouncer(ApiConnection api, ScheduledExecutorService timer, Patience patience) {
        this.api = api;
        this.timer = timer;
        this.patience = patience;
    }

    /** From now on the network of this node's pods works. Returns at once. */
    void networkWorks(String nodeName) {
        Instant since = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        later(Duration.ZERO, () -> announce(nodeName, since));
    }

    private void announce(String nodeName, Instant since) {
        Duration next = patience.repeat();
        try {
            api.patch("/api/v1/nodes/" + nodeName + "/status", networkAvailable(since));
            lastFailure = "";
        } catch (ApiException e) {
            next = patience.retry();
            String failure = String.valueOf(e.getMessage());
            if (!failure.equals(lastFailure)) {
                LOG.atWarn().addKeyValue("error", failure).log("api-node-condition-failed");
            }
            lastFailure = failure;
        } catch (InterruptedException e) {
            // Only close interrupts.
            return;
        }
        later(next, () -> announce(nodeName, since));
    }

    private static String networkAvailable(Instant since) {
        return """
                {"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"IkatIsReady",\
                "message":"Ikat wires the pods of this node","lastTransitionTime":"%s"}]}}""".formatted(since);
    }

    private void later(Duration delay, Runnable action) {
        try {
            ScheduledFuture<?> _ = timer.schedule(action, delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.atDebug().log("api-announcements-ended");
        }
    }
}
