package dev.ikat.ebpf.socket;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** The tree of control groups of version 2, which the sockets of all processes belong to. */
public final class ControlGroups {
    /** Names the directory of the group whose sockets are the node's. */
    private static final String VARIABLE = "IKAT_CGROUP";

    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");

    private ControlGroups() {}

    /**
     * Where a tree is mounted (proc_pid_mountinfo(5)).
     *
     * @param root the group that is mounted there, as seen from this process's own root
     */
    private record Mount(String root, Path point) {
        /** How far above this process's own root it is; less than 0 if it is below. */
        int height() {
            int height = 0;
            for (String part : root.split("/", -1)) {
                height += part.isEmpty() ? 0 : part.equals("..") ? 1 : -1;
            }
            return height;
        }
    }

    /**
     * The group that all of the node's processes are in, as far as this process can reach it: the highest that is
     * mounted, or the one that the variable {@value #VARIABLE} names. A container with a namespace of its own sees the
     * host's tree only where that is mounted besides.
     *
     * @param environment of this process
     */
    public static Optional<Path> top(Map<String, String> environment) {
        Optional<Path> named = Optional.ofNullable(environment.get(VARIABLE)).map(Path::of);
        try (Stream<String> lines = Files.lines(MOUNTS)) {
            return named.isPresent() ? named : top(lines.toList());
        } catch (IOException e) {
            return named;
        }
    }

    /** @param mounts lines of mountinfo */
    static Optional<Path> top(List<String> mounts) {
        return mounts.stream()
                .flatMap(line -> mount(line).stream())
                .max(Comparator.comparingInt(Mount::height))
                .map(Mount::point);
    }

    private static Optional<Mount> mount(String line) {
        // After the sixth field there are optional ones, up to a hyphen; then the type.
        String[] fields = line.split(" ", -1);
        for (int i = 6; i + 1 < fields.length; i++) {
            if (fields[i].equals("-")) {
                return fields[i + 1].equals("cgroup2")
                        ? Optional.of(new Mount(fields[3], Path.of(unescaped(fields[4]))))
                        : Optional.empty();
            }
        }
        return Optional.empty();
    }

    private static String unescaped(String path) {
        return path.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }
}
