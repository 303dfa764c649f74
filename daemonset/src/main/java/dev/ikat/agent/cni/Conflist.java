package dev.ikat.agent.cni;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.files.OwnFile;
import dev.ikat.model.NetworkName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The CNI network configuration list that tells the container runtime to call Ikat. It is written only when the node is
 * ready, because a kubelet takes its existence for readiness. It stays when the agent stops, because without it a
 * runtime could not even delete the existing pods.
 */
public final class Conflist {
    /** The network whose addresses are from the node's pod CIDRs. */
    public static final NetworkName NETWORK = new NetworkName("ikat");

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Nobody's network configuration is longer. */
    private static final long MAX_SIZE = 1 << 20;

    private final Path file;
    private final List<String> chain;

    /**
     * @param directory the directory in which the runtime looks
     * @param fileName the file's name; a runtime uses the first in alphabetical order
     * @param chain the plugins that run after Ikat, by their type
     */
    public Conflist(Path directory, String fileName, List<String> chain) {
        this.file = directory.resolve(fileName);
        this.chain = List.copyOf(chain);
    }

    /** The text of the file: CNI specification, section 1. */
    byte[] content() {
        ObjectNode list = JSON.createObjectNode().put("cniVersion", "1.0.0").put("name", NETWORK.value());
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

    /** What was there before it was written. */
    enum Found {
        /** What should be. */
        IN_ORDER,
        /** Nothing. */
        MISSING,
        /** A file with nothing in it. */
        EMPTY,
        /** Something else. */
        DIFFERENT;

        /** As the log has it. */
        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Writes the file if it is not there or says something else; a reader sees the old one or the new one. Plugins that
     * others have appended, as service meshes do, stay.
     *
     * @return what was there
     * @throws UncheckedIOException if it cannot be written
     */
    Found write() {
        try {
            Found found = look();
            if (found != Found.IN_ORDER) {
                Files.createDirectories(file.getParent());
                OwnFile.replace(file, "rw-r--r--", false, channel -> {
                    ByteBuffer bytes = ByteBuffer.wrap(content());
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                });
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException("can't write the network configuration " + file + ": " + e, e);
        }
    }

    private Found look() throws IOException {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Found.MISSING;
        }
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > MAX_SIZE) {
            return Found.DIFFERENT;
        }
        byte[] present = Files.readAllBytes(file);
        if (present.length == 0) {
            return Found.EMPTY;
        }
        return Arrays.equals(present, content()) || isExtended(present) ? Found.IN_ORDER : Found.DIFFERENT;
    }

    /** Whether it is the file that was written, but for further plugins at the end. */
    private boolean isExtended(byte[] present) throws IOException {
        try {
            if (!(JSON.readTree(present) instanceof ObjectNode list)
                    || !(list.get("plugins") instanceof ArrayNode plugins)) {
                return false;
            }
            while (plugins.size() > 1 + chain.size()) {
                plugins.remove(plugins.size() - 1);
            }
            return list.equals(JSON.readTree(content()));
        } catch (JsonProcessingException e) {
            return false;
        }
    }

    Path file() {
        return file;
    }
}
