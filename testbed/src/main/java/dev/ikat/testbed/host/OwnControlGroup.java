package dev.ikat.testbed.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A control group of version 2 for this process and those that it starts from now on. What is attached to it, in the
 * place of a host's root group, sees no socket of anybody else.
 */
public final class OwnControlGroup {
    /** What agents are told to attach their programs to, by this variable. */
    private static final String VARIABLE = "IKAT_CGROUP=";

    private static final String PROCESSES = "cgroup.procs";

    private OwnControlGroup() {}

    /** Made and entered when it is first asked for. */
    private static final class Made {
        static final Optional<Path> GROUP = make();

        private static Optional<Path> make() {
            for (Path root : List.of(Path.of("/sys/fs/cgroup"), Path.of("/sys/fs/cgroup/unified"))) {
                if (Files.isWritable(root.resolve(PROCESSES)) && Files.exists(root.resolve("cgroup.controllers"))) {
                    Path group = root.resolve(RunOwner.uniqueName());
                    try {
                        Files.createDirectory(group);
                        enter(group);
                    } catch (IOException e) {
                        // Whoever may not have one is told so.
                        return Optional.empty();
                    }
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> leave(root, group)));
                    return Optional.of(group);
                }
            }
            return Optional.empty();
        }

        private static void enter(Path group) throws IOException {
            Files.writeString(
                    group.resolve(PROCESSES),
                    Long.toString(ProcessHandle.current().pid()));
        }

        private static void leave(Path root, Path group) {
            try {
                enter(root);
                Files.deleteIfExists(group);
            } catch (IOException e) {
                // A process that this one started is still in it: a later sweep removes it.
            }
        }
    }

    /** Its directory; empty if this machine has no such groups, or this process may not make one. */
    public static Optional<Path> path() {
        return Made.GROUP;
    }

    /** The variable by which an agent is told of it, or that there is none. */
    public static String variable() {
        return VARIABLE + path().map(Path::toString).orElse("/proc/self/no-such-group");
    }
}
