package dev.ikat.agent.migrate;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.agent.host.FileTree;
import dev.ikat.agent.migrate.FormerNetwork.LeftFile;
import dev.ikat.agent.migrate.FormerNetwork.Use;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds network configurations, state directories, and BPF programs and maps that are pinned. */
final class LeftFiles {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long MAX_SIZE = 1 << 20;
    private static final String PINS = "sys/fs/bpf";

    private final Path root;
    private final Path configurations;

    /**
     * @param root of the host's file system
     * @param configurations the directory that runtimes read network configurations from
     */
    LeftFiles(Path root, Path configurations) {
        this.root = root;
        this.configurations = configurations;
    }

    /** The configurations, which runtimes would start new pods with. */
    List<Leftover> configurations(FormerNetwork former) throws IOException {
        List<Leftover> found = new ArrayList<>();
        for (Path file : entries(configurations)) {
            if (file.toString().matches(".*\\.(conf|conflist|json)") && isOf(former, file)) {
                Path disabled = file.resolveSibling(file.getFileName() + ".disabled");
                found.add(Leftover.removable("network configuration " + file + ", which is kept as " + disabled, () -> {
                    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                        Files.move(file, disabled, StandardCopyOption.REPLACE_EXISTING);
                    }
                }));
            }
        }
        return found;
    }

    private static boolean isOf(FormerNetwork former, Path file) throws IOException {
        if (!Files.isRegularFile(file) || Files.size(file) > MAX_SIZE) {
            return false;
        }
        try {
            JsonNode configuration = JSON.readTree(Files.readAllBytes(file));
            JsonNode first = configuration.path("plugins").path(0);
            JsonNode plugin = first.isMissingNode() ? configuration : first;
            return former.traces.pluginType.equals(
                            Optional.of(plugin.path("type").asText()))
                    && (former != FormerNetwork.KUBE_ROUTER
                            || plugin.path("bridge").asText().equals("kube-bridge"));
        } catch (JacksonException e) {
            return false;
        }
    }

    /**
     * State and pins.
     *
     * @param servesPods whether pods that the plugin has wired still run
     */
    List<Leftover> state(FormerNetwork former, boolean servesPods) throws IOException {
        List<Leftover> found = new ArrayList<>();
        for (Path directory : List.of(root.resolve(PINS), root.resolve(PINS + "/tc/globals"))) {
            for (Path pin : entries(directory)) {
                String name = root.resolve(PINS).relativize(pin).toString();
                if (former.traces.pins.matcher(name).matches()) {
                    found.add(leftover("BPF pin " + pin, pin, Use.PODS, servesPods));
                }
            }
        }
        for (LeftFile file : former.traces.files) {
            Path path = root.resolve(file.path());
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                found.add(leftover(
                        (Files.isDirectory(path) ? "directory " : "file ") + path, path, file.use(), servesPods));
            }
        }
        return found;
    }

    private static Leftover leftover(String object, Path path, Use use, boolean servesPods) throws IOException {
        if (use == Use.PODS && servesPods) {
            return Leftover.inUse(object);
        }
        Optional<String> mount = mountIn(path);
        if (mount.isPresent()) {
            return Leftover.staying(object, "something is mounted there: umount " + mount.get());
        }
        return Leftover.removable(object, () -> FileTree.delete(path));
    }

    /** Sorted by name; none if there is no such directory. */
    private static List<Path> entries(Path directory) throws IOException {
        List<Path> entries = new ArrayList<>();
        if (Files.isDirectory(directory)) {
            try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
                stream.forEach(entries::add);
            } catch (DirectoryIteratorException e) {
                throw e.getCause();
            }
        }
        entries.sort(null);
        return entries;
    }

    /** What is mounted there or below: its files are not the plugin's state. */
    private static Optional<String> mountIn(Path path) throws IOException {
        String real = path.toRealPath().toString();
        return FileTree.mountPoints().stream()
                .filter(mount -> mount.equals(real) || mount.startsWith(real + "/"))
                .findFirst();
    }
}
