package dev.ikat.testbed.host;

import dev.ikat.testbed.cluster.Cluster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Removes what a killed run left behind: processes, namespaces, directories. Names contain the owner and its start time
 * ({@link RunOwner}), so that nothing of a running process, and nothing of other programs, is touched.
 */
public final class StaleResources {
    /** In each {@link TestDirectory} that has processes: a line {@code pid start-time} for each. */
    public static final String PROCESS_LIST = "processes";

    /** Marks a {@link TestDirectory} that is to outlive its run, and says in which checkout that was made. */
    public static final String KEEP = "keep";

    private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

    private StaleResources() {}

    /** Removes what ended runs left behind unless it is to be kept, and returns one line for each thing removed. */
    public static List<String> sweep() {
        return sweep(kept(_ -> true));
    }

    /**
     * Removes everything of ended runs, including what was kept ({@link Cluster#keep}); but not what another checkout
     * has kept, as long as any of its processes lives.
     */
    public static List<String> sweepKept() {
        return sweepKept(checkout());
    }

    static List<String> sweepKept(Path checkout) {
        return sweep(kept(directory -> !checkout.toString().equals(read(directory.resolve(KEEP)))
                && listed(directory.resolve(PROCESS_LIST)).stream().anyMatch(Listed::lives)));
    }

    /** The checkout that this process works for: {@code dev} enters it. */
    public static Path checkout() {
        try {
            return Path.of("").toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What all names of those runs begin with that were kept, and for which this holds. */
    private static Set<String> kept(Predicate<Path> stays) {
        return stale(TestDirectory.base(), Set.of()).stream()
                .filter(directory -> Files.exists(directory.resolve(KEEP)) && stays.test(directory))
                .map(directory -> RunOwner.prefixOf(directory.getFileName().toString()))
                .collect(Collectors.toSet());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            // Another process removes the same at the same time.
            return "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> sweep(Set<String> kept) {
        List<String> removed = new ArrayList<>();
        for (Path directory : stale(TestDirectory.base(), kept)) {
            listed(directory.resolve(PROCESS_LIST)).stream()
                    .filter(Listed::lives)
                    .forEach(process -> kill(process.pid(), removed));
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

    /** A process of a run, which another may have the number of by now. */
    private record Listed(long pid, long start) {
        boolean lives() {
            return RunOwner.startTime(pid).equals(Optional.of(start));
        }
    }

    /** The processes of a list; of one that was cut short by a kill those before that. */
    private static List<Listed> listed(Path list) {
        List<Listed> processes = new ArrayList<>();
        if (Files.exists(list)) {
            for (String line : read(list).split("\n", -1)) {
                if (line.matches("[0-9]{1,18} [0-9]{1,18}")) {
                    String[] fields = line.split(" ", -1);
                    processes.add(new Listed(Long.parseLong(fields[0]), Long.parseLong(fields[1])));
                }
            }
        }
        return processes;
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
