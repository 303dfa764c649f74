package dev.ikat.agent.status;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.cni.CniResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The agent's state, for {@code ikat-agent status}: collected from the sections that the agent's parts have registered,
 * and sent as JSON, which {@link StatusText} turns into text on the other side. What is long or takes long has a
 * question of its own. It does not know the sections. Thread-safe.
 */
public final class AgentStatus {
    /** The question to ask by {@link dev.ikat.agent.server.ControlClient}. */
    public static final String QUESTION = "status";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, List<StatusSection>> sections = new ConcurrentHashMap<>();

    public AgentStatus() {
        sections.put(QUESTION, new CopyOnWriteArrayList<>());
    }

    /** Adds a section to the answer to {@link #QUESTION}, after those that were registered before. */
    public AgentStatus register(StatusSection section) {
        return register(QUESTION, section);
    }

    /** Adds a section to the answer to this question, likewise. */
    public AgentStatus register(String question, StatusSection section) {
        sections.computeIfAbsent(question, _ -> new CopyOnWriteArrayList<>()).add(section);
        return this;
    }

    /** Answers a question; the exit code is 1 if the question is unknown. */
    public CniResponse answer(String question) {
        List<StatusSection> asked = sections.get(question);
        if (asked == null) {
            return new CniResponse(1, ("unknown question '" + question + "'").getBytes(UTF_8));
        }
        ObjectNode status = JSON.createObjectNode();
        asked.forEach(section -> section.collect(status));
        try {
            return new CniResponse(0, JSON.writeValueAsBytes(status));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
