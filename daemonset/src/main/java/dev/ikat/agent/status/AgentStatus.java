package dev.ikat.agent.status;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.cni.CniResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * How the agent is, as {@code ikat-agent status} asks: collected from the sections that the agent's parts have
 * registered, and told as JSON, of which {@link StatusText} makes a text where it was asked. It knows no section.
 * Thread-safe.
 */
public final class AgentStatus {
    /** What to ask {@link dev.ikat.agent.server.ControlClient}. */
    public static final String QUESTION = "status";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<StatusSection> sections = new CopyOnWriteArrayList<>();

    /** Tells of this too, after what was registered before. */
    public AgentStatus register(StatusSection section) {
        sections.add(section);
        return this;
    }

    /** Answers a question; the exit code is 1 where it is not understood. */
    public CniResponse answer(String question) {
        if (!question.equals(QUESTION)) {
            return new CniResponse(1, ("there is no question '" + question + "'").getBytes(UTF_8));
        }
        ObjectNode status = JSON.createObjectNode();
        sections.forEach(section -> section.collect(status));
        try {
            return new CniResponse(0, JSON.writeValueAsBytes(status));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
