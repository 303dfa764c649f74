package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.reconcile.Readiness;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/**
 * The agent's node, whether pods can be given a network, and how long the agent has been running.
 *
 * @param nodeName this node's
 * @param readiness says what is not in order yet
 * @param running how long the agent has been running
 */
public record NodeStatus(String nodeName, Readiness readiness, Supplier<Duration> running) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        List<String> reasons = readiness.reasons();
        status.put("node", nodeName);
        status.put("ready", reasons.isEmpty());
        ArrayNode waiting = status.putArray("waitingFor");
        reasons.forEach(waiting::add);
        status.put("runningSeconds", running.get().toSeconds());
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
