package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** What a node's eBPF backend has given names in the bpf file system, in a directory by its namespace's number. */
final class BpfPins {
    private static final Path ROOT = Path.of("/sys/fs/bpf/ikat");
    private static final Path OWN = Path.of("/proc/self/ns/net");

    private BpfPins() {}

    /** Removes what a namespace's node has left. */
    static void remove(Path namespace) {
        if (Files.isDirectory(ROOT) && Files.exists(namespace)) {
            delete(ROOT.resolve(number(namespace)));
        }
    }

    /** Removes what the nodes of namespaces have left that are there no more, and returns their directories. */
    static List<Path> removeStale(Path namespaces) {
        if (!Files.isDirectory(ROOT)) {
            return List.of();
        }
        Set<String> present = new HashSet<>(Set.of(number(OWN)));
        list(namespaces).forEach(namespace -> present.add(number(namespace)));
        // Others' agents, whose namespaces may have no name there.
        ProcessHandle.allProcesses()
                .forEach(process -> present.add(number(Path.of("/proc/" + process.pid() + "/ns/net"))));
        List<Path> stale = new ArrayList<>(list(ROOT));
        stale.removeIf(directory -> present.contains(directory.getFileName().toString()));
        stale.forEach(BpfPins::delete);
        return stale;
    }

    private static String number(Path namespace) {
        try {
            return Files.getAttribute(namespace, "unix:ino").toString();
        } catch (IOException e) {
            // It has gone this moment.
            return "";
        }
    }

    private static List<Path> list(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(directory)) {
            return children.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path directory) {
        try {
            for (Path pin : list(directory)) {
                Files.deleteIfExists(pin);
            }
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
