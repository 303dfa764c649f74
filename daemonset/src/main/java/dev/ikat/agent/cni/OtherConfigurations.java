package dev.ikat.agent.cni;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The other network configurations in the runtime's directory. A runtime takes the first file by name, whatever network
 * it describes; so one before Ikat's, as a former CNI leaves it, takes the pods away from Ikat without a word. Such a
 * file is named, and never touched: it may be somebody's on purpose.
 */
final class OtherConfigurations {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What containerd and CRI-O read. */
    private static final List<String> EXTENSIONS = List.of(".conf", ".conflist", ".json");

    /** Nobody's network configuration is longer. */
    private static final long MAX_SIZE = 1 << 20;

    private final Path own;

    /** @param own Ikat's file */
    OtherConfigurations(Path own) {
        this.own = own;
    }

    /** The files that a runtime reads instead of Ikat's. */
    List<ConflistFault> faults() {
        List<ConflistFault> faults = new ArrayList<>();
        for (Path file : earlier()) {
            byte[] bytes;
            try {
                bytes = Files.size(file) > MAX_SIZE ? new byte[0] : Files.readAllBytes(file);
            } catch (IOException e) {
                // It has just gone, most likely; if not, the next look finds it.
                continue;
            }
            JsonNode configuration = parse(bytes);
            if (callsIkat(configuration)) {
                // The first that the runtime reads; what comes after it does not count.
                return faults;
            }
            faults.add(new ConflistFault(ConflistFault.Cause.READ_FIRST, text(file, configuration)));
        }
        return faults;
    }

    private List<Path> earlier() {
        return ConfigurationFiles.in(own.resolveSibling(""), EXTENSIONS).stream()
                .filter(file -> name(file).compareTo(name(own)) < 0)
                .toList();
    }

    private static String name(Path file) {
        return ConfigurationFiles.name(file);
    }

    private static JsonNode parse(byte[] bytes) {
        try {
            return JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            return JSON.missingNode();
        } catch (IOException e) {
            throw new IllegalStateException("reading from memory failed", e);
        }
    }

    /** Whether it has Ikat as a plugin, or as the network that a plugin such as Multus delegates to. */
    private boolean callsIkat(JsonNode node) {
        if (node.isObject()
                && (node.path("type").asText().equals("ikat")
                        || node.path("clusterNetwork").asText().equals("ikat"))) {
            return true;
        }
        if (node.isTextual() && node.asText().endsWith("/" + name(own))) {
            return true;
        }
        for (JsonNode child : node) {
            if (callsIkat(child)) {
                return true;
            }
        }
        return false;
    }

    private String text(Path file, JsonNode configuration) {
        String type = configuration
                .path("plugins")
                .path(0)
                .path("type")
                .asText(configuration.path("type").asText());
        String what = type.isEmpty()
                ? "which is not a network configuration, so that containerd starts no pod"
                : "so that pods get the network '" + configuration.path("name").asText() + "' of the plugin " + type;
        return "runtimes read " + file + " before " + name(own) + ", " + what
                + "; rename it if the plugin is not used any more: mv " + file + " " + file + ".disabled";
    }
}
