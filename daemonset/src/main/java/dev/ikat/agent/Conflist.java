package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;

/**
 * The CNI network configuration list that tells the container runtime to call Ikat. It is written only when the node is
 * ready, since a kubelet takes its appearance for readiness; and it stays when the agent stops, since without it a
 * runtime could not even delete the pods that are there.
 */
final class Conflist {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final List<String> chain;

    /**
     * @param directory where the runtime looks
     * @param fileName the file's name; a runtime takes the first in alphabetical order
     * @param chain plugins that come after Ikat, by their type
     */
    Conflist(Path directory, String fileName, List<String> chain) {
        this.file = directory.resolve(fileName);
        this.chain = List.copyOf(chain);
    }

    /** The text of the file: CNI specification, section 1. */
    byte[] content() {
        ObjectNode list = JSON.createObjectNode().put("cniVersion", "1.0.0").put("name", "ikat");
        ArrayNode plugins = list.putArray("plugins");
        plugins.addObject().put("type", "ikat").putObject("capabilities").put("ips", true);
        for (String type : chain) {
            ObjectNode plugin = plugins.addObject().put("type", type);
            switch (type) {
                case "portmap" -> plugin.putObject("capabilities").put("portMappings", true);
                case "bandwidth" -> plugin.putObject("capabilities").put("bandwidth", true);
                default -> {
                    // A plugin that needs no capability of the runtime, such as tuning.
                }
            }
        }
        try {
            return (JSON.writerWithDefaultPrettyPrinter().writeValueAsString(list) + "\n").getBytes(UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Writes the file if it is not there or says something else; a reader sees the old one or the new one.
     *
     * @return whether it had to be written
     * @throws UncheckedIOException if it cannot be written
     */
    boolean write() {
        byte[] content = content();
        try {
            if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), content)) {
                return false;
            }
            Files.createDirectories(file.getParent());
            // A name that no runtime takes for a configuration: neither .conf, .conflist nor .json.
            Path unfinished = file.resolveSibling("." + file.getFileName() + ".new");
            Files.write(unfinished, content);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException("can't write the network configuration " + file + ": " + e, e);
        }
    }

    Path file() {
        return file;
    }
}
