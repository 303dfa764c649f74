package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.bgp.BgpState;
import dev.ikat.bgp.bird.SessionState;
import java.util.function.Supplier;

/**
 * The sessions of BGP, the routes in them, and what is wrong with BGP's objects.
 *
 * @param state what has become of BGP
 */
public record BgpStatus(Supplier<BgpState> state) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        BgpState now = state.get();
        if (!now.spoken()) {
            return;
        }
        ObjectNode bgp = status.putObject("bgp");
        bgp.put("birdAnswers", now.answers());
        bgp.put("announced", now.announced());
        ArrayNode sessions = bgp.putArray("sessions");
        for (SessionState session : now.sessions()) {
            ObjectNode one = sessions.addObject();
            one.put("name", session.name());
            one.put("state", session.state());
            one.put("established", session.established());
            session.since().ifPresent(since -> one.put("since", since.toString()));
            one.put("received", session.received());
            one.put("sent", session.sent());
            session.lastError().ifPresent(error -> one.put("lastError", error));
        }
        ArrayNode faults = bgp.putArray("faults");
        now.failure().ifPresent(faults::add);
        now.findings().forEach(faults::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode bgp = status.path("bgp");
        if (bgp.isMissingNode()) {
            return;
        }
        JsonNode sessions = bgp.path("sessions");
        int established = 0;
        for (JsonNode session : sessions) {
            established += session.path("established").asBoolean() ? 1 : 0;
        }
        text.line(
                "bgp",
                "%s, %d of %d sessions established, %d routes announced"
                        .formatted(
                                bgp.path("birdAnswers").asBoolean() ? "BIRD answers" : "BIRD does not answer",
                                established,
                                sessions.size(),
                                bgp.path("announced").asInt()));
        sessions.forEach(session -> text.more("%s %s%s, %d routes received, %d sent%s"
                .formatted(
                        session.path("name").asText(),
                        session.path("state").asText(),
                        session.has("since") ? " since " + session.path("since").asText() : "",
                        session.path("received").asLong(),
                        session.path("sent").asLong(),
                        session.has("lastError") && !session.path("established").asBoolean()
                                ? " (last error: " + session.path("lastError").asText() + ")"
                                : "")));
        text.faults(bgp.path("faults"));
    }
}
