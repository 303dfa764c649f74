package dev.ikat.testbed.host;

import dev.ikat.testbed.cluster.Cluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Removes what a killed run left behind: processes, namespaces, directories. Names contain the owner and its start time
 * ({@link RunOwner}), so that nothing of a running process, and nothing of other programs, is touched.
 */
public final class StaleResources {
    /** In each {@link TestDirectory} that has processes: a line {@code pid start-time} for each. */
    public static final String PROCESS_LIST = "processes";

    /** Marks a {@link TestDirectory} that is to outlive its run. */
    public static final String KEEP = "keep";

    private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

    private StaleResources() {}

    /** Removes what ended runs left behind unless it is to be kept, and returns one line for each thing removed. */
    public static List<String> sweep() {
        return sweep(kept());
    }

    /** Removes everything of ended runs, including what was kept ({@link Cluster#keep}). */
    public static List<String> sweepKept() {
        return sweep(Set.of());
    }

    private static Set<String> kept() {
        return stale(TestDirectory.base(), Set.of()).stream()
                .filter(directory -> Files.exists(directory.resolve(KEEP)))
                .map(directory -> RunOwner.prefixOf(directory.getFileName().toString()))
                .collect(Collectors.toSet());
    }

    private static List<String> sweep(Set<String> kept) {
        List<String> removed = new ArrayList<>();
        for (Path directory : stale(TestDirectory.base(), kept)) {
            killListed(directory.resolve(PROCESS_LIST), removed);
        }
        for (Path namespace : stale(TestNamespace.DIRECTORY, kept)) {
            String name = namespace.getFileName().toString();
            killInside(name, removed);
            if (ProcessRunner.of("ip", "netns", "del", name).run().succeeded()) {
                removed.add("network namespace " + name);
            }
        }
        BpfPins.removeStale(TestNamespace.DIRECTORY).forEach(directory -> removed.add("names in " + directory));
        for (Path parent : List.of(TestDirectory.base(), TestDirectory.onDisk())) {
            for (Path directory : stale(parent, kept)) {
                TestDirectory.deleteTree(directory);
                removed.add("directory " + directory);
            }
        }
        removeControlGroups(kept, removed);
        return removed;
    }

    private static List<Path> stale(Path parent, Set<String> kept) {
        if (!Files.isDirectory(parent)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(parent)) {
            return children.filter(child -> {
                        String name = child.getFileName().toString();
                        return RunOwner.isStale(name) && !kept.contains(RunOwner.prefixOf(name));
                    })
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void killListed(Path list, List<String> removed) {
        if (!Files.exists(list)) {
            return;
        }
        try {
            for (String line : Files.readAllLines(list)) {
                String[] fields = line.split(" ", -1);
                long pid = Long.parseLong(fields[0]);
                if (fields.length == 2 && RunOwner.startTime(pid).equals(Optional.of(Long.parseLong(fields[1])))) {
                    kill(pid, removed);
                }
            }
        } catch (IOException | NumberFormatException e) {
            // A list cut short by the kill: its directory and namespaces are still removed.
            removed.add("unreadable process list " + list + " (" + e.getMessage() + ")");
        }
    }

    private static void killInside(String namespace, List<String> removed) {
        ProcessResult result =
                ProcessRunner.of("ip", "netns", "pids", namespace).run();
        result.stdout()
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .forEach(line -> {
                    kill(Long.parseLong(line), removed);
                });
    }

    private static void kill(long pid, List<String> removed) {
        ProcessHandle.of(pid).ifPresent(process -> {
            if (process.destroyForcibly()) {
                removed.add("process " + pid + " " + process.info().command().orElse(""));
            }
        });
    }

    /** Container runtimes leave the parent groups that they were told to use. */
    private static void removeControlGroups(Set<String> kept, List<String> removed) {
        for (Path root : hierarchies()) {
            for (Path group : stale(root, kept)) {
                removeControlGroup(group);
                removed.add("control group " + group);
            }
        }
    }

    /** The groups with this name directly below the root of a hierarchy, of cgroup v2 and of each controller of v1. */
    public static List<Path> controlGroups(String name) {
        return hierarchies().stream()
                .map(root -> root.resolve(name))
                .filter(Files::isDirectory)
                .toList();
    }

    private static List<Path> hierarchies() {
        List<Path> roots = new ArrayList<>(List.of(CGROUPS));
        try (Stream<Path> children = Files.isDirectory(CGROUPS) ? Files.list(CGROUPS) : Stream.empty()) {
            children.filter(Files::isDirectory).forEach(roots::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return roots;
    }

    /** Removes a control group by rmdir after its children; its files can't be deleted. */
    public static void removeControlGroup(Path group) {
        try (Stream<Path> tree = Files.walk(group)) {
            for (Path directory : tree.filter(Files::isDirectory)
                    .sorted(java.util.Comparator.reverseOrder())
                    .toList()) {
                Files.deleteIfExists(directory);
            }
        } catch (IOException | UncheckedIOException e) {
            // Still busy: a process in it has not been reaped. The next sweep finds it again.
        }
    }
}
