package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.cni.ConflistFault;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/**
 * The network configuration that the runtime reads, and what keeps pods from getting the network that it describes.
 *
 * @param file where the agent writes it
 * @param faults in a stable order
 */
public record ConflistStatus(Path file, Supplier<List<ConflistFault>> faults) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ObjectNode conflist = status.putObject("conflist").put("file", file.toString());
        ArrayNode named = conflist.putArray("faults");
        faults.get().forEach(fault -> named.add(fault.text()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode conflist = status.path("conflist");
        text.line("conflist", conflist.path("file").asText());
        text.faults(conflist.path("faults"));
    }
}
