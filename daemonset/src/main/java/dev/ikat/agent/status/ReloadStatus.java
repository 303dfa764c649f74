package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.function.Supplier;

/**
 * Whether the settings are in force that the last SIGHUP asked for.
 *
 * @param notApplied what is not, and why
 */
public record ReloadStatus(Supplier<List<String>> notApplied) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ArrayNode reasons = status.putObject("reload").putArray("faults");
        notApplied.get().forEach(reasons::add);
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode faults = status.path("reload").path("faults");
        if (!faults.isEmpty()) {
            text.line("reload", "the settings of the last SIGHUP are not, or not all, in force");
            text.faults(faults);
        }
    }
}
