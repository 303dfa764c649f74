package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.agent.log.Printable;
import java.io.IOException;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * An answer of {@link AgentStatus} as text: one line for each fact, with a name before the first of several. Text from
 * others' objects can neither end a line nor control the terminal.
 */
public final class StatusText {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What reads each section, in the order in which people are told. */
    private static final List<BiConsumer<JsonNode, StatusText>> SECTIONS = List.of(
            NodeStatus::read,
            ReloadStatus::read,
            PolicyStatus::read,
            ServiceStatus::read,
            FirewallStatus::read,
            OverlayStatus::read,
            BgpStatus::read,
            AnnounceStatus::read,
            LeaseStatus::read,
            ConflistStatus::read,
            SourceStatus::read,
            ErrorStatus::read);

    private final StringBuilder text = new StringBuilder();

    private StatusText() {}

    /** The answer as text; what it lacks is empty there. */
    public static String of(byte[] answer) throws IOException {
        JsonNode status = JSON.readTree(answer);
        StatusText text = new StatusText();
        SECTIONS.forEach(section -> section.accept(status, text));
        return text.text.toString();
    }

    /** Whether the answer says that the agent is ready. */
    public static boolean isReady(byte[] answer) throws IOException {
        return NodeStatus.isReady(JSON.readTree(answer));
    }

    /** A fact that has a name. */
    void line(String name, String value) {
        text.append("%-10s%s".formatted(name, Printable.line(value)).stripTrailing())
                .append('\n');
    }

    /** A further fact, of what was named last. */
    void more(String value) {
        line("", value);
    }

    /** What is wrong with what was named last. */
    void faults(JsonNode faults) {
        faults.forEach(fault -> fault(fault.asText()));
    }

    /** One thing that is wrong with what was named last. */
    void fault(String what) {
        more("fault: " + what);
    }
}
