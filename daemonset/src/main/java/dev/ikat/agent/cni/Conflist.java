package dev.ikat.agent.cni;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.agent.cni.ConflistFault.Cause;
import dev.ikat.agent.config.ChainedPlugin;
import dev.ikat.cni.CniVersion;
import dev.ikat.files.OwnFile;
import dev.ikat.model.NetworkName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The CNI network configuration list that tells the container runtime to call Ikat. It is written only when the node is
 * ready, because a kubelet takes its existence for readiness. It stays when the agent stops, because without it a
 * runtime could not even delete the existing pods.
 */
public final class Conflist {
    /** The network whose addresses are from the node's pod CIDRs. */
    public static final NetworkName NETWORK = new NetworkName(ChainMerge.NETWORK);

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Nobody's network configuration is longer. */
    private static final long MAX_SIZE = 1 << 20;

    private final Path file;
    private final List<ChainedPlugin> chain;
    private final boolean keepChained;
    private final PluginPrograms programs;
    private final PluginVersions versions;

    /**
     * @param directory the directory in which the runtime looks
     * @param fileName the file's name; a runtime uses the first in alphabetical order
     * @param chain the plugins that run after Ikat
     * @param keepChained whether what others change in the file stays, as long as Ikat's part is in order
     * @param programs the plugins that are installed
     */
    public Conflist(
            Path directory, String fileName, List<ChainedPlugin> chain, boolean keepChained, PluginPrograms programs) {
        this.file = directory.resolve(fileName);
        this.chain = List.copyOf(chain);
        this.keepChained = keepChained;
        this.programs = programs;
        this.versions = new PluginVersions(programs);
    }

    /** With the plugins of the chain that are not left out now. */
    private ChainMerge merge() {
        return new ChainMerge(
                chain.stream().filter(plugin -> !isLeftOut(plugin)).toList(), keepChained, this::supportNewest);
    }

    private boolean supportNewest(List<String> types) {
        return Stream.concat(types.stream(), drops().stream().map(Drop::type))
                .allMatch(type -> versions.supports(type, CniVersion.NEWEST));
    }

    private boolean isLeftOut(ChainedPlugin plugin) {
        return plugin.optional() && !programs.has(plugin.type());
    }

    /** The text of the file where nobody else has changed it: CNI specification, section 1. */
    byte[] content() {
        return text(merge().merge(Optional.empty()));
    }

    private static byte[] text(ObjectNode list) {
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

    /** What is there: nothing else than JSON is read. */
    private record Present(Found otherwise, Optional<ObjectNode> list) {
        static Present nothing(Found found) {
            return new Present(found, Optional.empty());
        }
    }

    /**
     * Writes the file if it is not there or Ikat's part of it is not in order; a reader sees the old one or the new
     * one.
     *
     * @return what was there
     * @throws UncheckedIOException if it cannot be written
     */
    Found write() {
        try {
            Present present = read();
            ObjectNode wanted = merge().merge(present.list());
            if (present.list().filter(wanted::equals).isPresent()) {
                return Found.IN_ORDER;
            }
            Files.createDirectories(file.getParent());
            OwnFile.replace(file, "rw-r--r--", text(wanted));
            return present.otherwise();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write the network configuration " + file + ": " + e, e);
        }
    }

    private Present read() throws IOException {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Present.nothing(Found.MISSING);
        }
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > MAX_SIZE) {
            return Present.nothing(Found.DIFFERENT);
        }
        byte[] bytes = Files.readAllBytes(file);
        if (bytes.length == 0) {
            return Present.nothing(Found.EMPTY);
        }
        return new Present(Found.DIFFERENT, parse(bytes));
    }

    private static Optional<ObjectNode> parse(byte[] bytes) throws IOException {
        try {
            return JSON.readTree(bytes) instanceof ObjectNode list ? Optional.of(list) : Optional.empty();
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private Optional<ObjectNode> list() {
        try {
            return read().list();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The types of the plugins in the file as it is, in their order; none if it is not there. */
    public List<String> plugins() {
        List<String> types = new ArrayList<>();
        list().ifPresent(list -> list.path("plugins").forEach(plugin -> types.add(ChainMerge.type(plugin))));
        return types;
    }

    /** The types of those that are neither Ikat's nor of its chain, as far as the file says. */
    public List<String> others() {
        return list().map(ChainMerge::others).orElse(List.of());
    }

    /**
     * A plugin's configuration in the directory that has the network's name, beside the file.
     *
     * @param type empty where the file has none, so that runtimes can't read it
     */
    public record Drop(Path file, String type) {}

    /**
     * The plugins that runtimes with libcni 1.3 run after those of the file: each {@code *.conf} in the directory that
     * has the network's name, unless the list says {@code loadOnlyInlinedPlugins}. Others put them there, and Ikat
     * leaves them alone.
     */
    public List<Drop> drops() {
        if (list().filter(list -> list.path("loadOnlyInlinedPlugins").asBoolean())
                .isPresent()) {
            return List.of();
        }
        List<Drop> drops = new ArrayList<>();
        for (Path drop : ConfigurationFiles.in(file.resolveSibling(ChainMerge.NETWORK), List.of(".conf"))) {
            JsonNode plugin;
            try {
                plugin = JSON.readTree(Files.readAllBytes(drop));
            } catch (IOException e) {
                plugin = JSON.missingNode();
            }
            drops.add(new Drop(drop, ChainMerge.type(plugin)));
        }
        return drops;
    }

    /** The plugins that are not installed, whoever has chained them. */
    List<ConflistFault> missing() {
        List<ConflistFault> missing = new ArrayList<>();
        Set<String> own = new HashSet<>();
        for (ChainedPlugin plugin : chain) {
            own.add(plugin.type());
            if (isLeftOut(plugin)) {
                missing.add(new ConflistFault(
                        Cause.PLUGIN_LEFT_OUT, programs.missing(plugin.type(), "pods go without it")));
            } else if (!programs.has(plugin.type())) {
                missing.add(new ConflistFault(
                        Cause.PLUGIN_MISSING,
                        programs.missing(plugin.type(), "no pod starts") + ", or take it out of --chain"));
            }
        }
        Stream.concat(
                        others().stream().map(type -> Map.entry(type, file)),
                        drops().stream().map(drop -> Map.entry(drop.type(), drop.file())))
                .filter(other ->
                        !other.getKey().isEmpty() && !own.contains(other.getKey()) && !programs.has(other.getKey()))
                .forEach(other -> missing.add(new ConflistFault(
                        Cause.PLUGIN_MISSING,
                        programs.missing(other.getKey(), "no pod starts") + ", or take it out of " + other.getValue()
                                + ", where others have put it")));
        return missing;
    }

    /** Whether there is anything in its place. */
    boolean isThere() {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    public Path file() {
        return file;
    }
}
