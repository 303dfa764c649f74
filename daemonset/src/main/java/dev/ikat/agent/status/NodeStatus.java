package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.reconcile.Readiness;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;

/** Which node's agent this is, whether pods can be given a network, and since when it runs. */
public final class NodeStatus implements StatusSection {
    private final String nodeName;
    private final Readiness readiness;
    private final LongSupplier clock;
    private final long start;

    /**
     * An agent that starts now.
     *
     * @param clock counts nanoseconds, as {@link System#nanoTime} does
     */
    public NodeStatus(String nodeName, Readiness readiness, LongSupplier clock) {
        this.nodeName = nodeName;
        this.readiness = readiness;
        this.clock = clock;
        this.start = clock.getAsLong();
    }

    @Override
    public void collect(ObjectNode status) {
        List<String> reasons = readiness.reasons();
        status.put("node", nodeName);
        status.put("ready", reasons.isEmpty());
        ArrayNode waiting = status.putArray("waitingFor");
        reasons.forEach(waiting::add);
        status.put("runningSeconds", Duration.ofNanos(clock.getAsLong() - start).toSeconds());
    }

    static void read(JsonNode status, StatusText text) {
        text.line("node", status.path("node").asText());
        text.line("ready", isReady(status) ? "yes" : "no");
        status.path("waitingFor").forEach(reason -> text.more("waits for " + reason.asText()));
        text.line(
                "running",
                Duration.ofSeconds(status.path("runningSeconds").asLong()).toString());
    }

    static boolean isReady(JsonNode status) {
        return status.path("ready").asBoolean();
    }
}
