package dev.ikat.agent.status;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.ConflistFault;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The network configuration that the runtime reads with its plugins, whoever has added them, and what keeps pods from
 * getting the network that it describes.
 *
 * @param conflist the file
 * @param faults in a stable order
 */
public record ConflistStatus(Conflist conflist, Supplier<List<ConflistFault>> faults) implements StatusSection {
    @Override
    public void collect(ObjectNode status) {
        ObjectNode section =
                status.putObject("conflist").put("file", conflist.file().toString());
        ArrayNode plugins = section.putArray("plugins");
        conflist.plugins().forEach(plugins::add);
        ArrayNode drops = section.putArray("loadedBesides");
        conflist.drops()
                .forEach(drop ->
                        drops.addObject().put("file", drop.file().toString()).put("plugin", drop.type()));
        ArrayNode named = section.putArray("faults");
        faults.get().forEach(fault -> named.add(fault.text()));
    }

    static void read(JsonNode status, StatusText text) {
        JsonNode conflist = status.path("conflist");
        List<String> plugins = new ArrayList<>();
        conflist.path("plugins").forEach(plugin -> plugins.add(plugin.asText()));
        text.line(
                "conflist",
                conflist.path("file").asText() + (plugins.isEmpty() ? "" : ": " + String.join(", ", plugins)));
        conflist.path("loadedBesides")
                .forEach(drop -> text.more("%s: %s (read by runtimes with libcni 1.3)"
                        .formatted(
                                drop.path("file").asText(), drop.path("plugin").asText())));
        text.faults(conflist.path("faults"));
    }
}
