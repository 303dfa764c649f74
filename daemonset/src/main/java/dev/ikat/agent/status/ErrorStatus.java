package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.reconcile.RecentErrors;

/**
 * The last errors.
 *
 * @param errors the errors that the agent's parts reported
 */
public record ErrorStatus(RecentErrors errors) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ArrayNode recent = status.putArray("recentErrors");
        errors.entries()
                .forEach(error -> recent.addObject()
                        .put("at", error.at().toString())
                        .put("in", error.what())
                        .put("error", error.message())
                        .put("times", error.times()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode errors = status.path("recentErrors");
        text.line("errors", errors.isEmpty() ? "none since the start" : "");
        errors.forEach(error -> text.more("%s %s: %s%s"
                .formatted(
                        error.path("at").asText(),
                        error.path("in").asText(),
                        error.path("error").asText(),
                        error.path("times").asInt() > 1
                                ? " (" + error.path("times").asInt() + " times)"
                                : "")));
    }
}
