package dev.ikat.testbed.host;

import dev.ikat.testbed.host.Posix.Call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A program started by posix_spawn(3), called directly, from inside a network namespace where asked.
 * {@link ProcessBuilder} starts a helper of the JDK first and would need nsenter(1), too: three programs instead of
 * one, and to start a program is what costs a test most, above all on a virtual machine. Input and outputs are files in
 * memory (memfd_create(2)), so that nobody has to read while it runs.
 */
final class SpawnedProcess implements AutoCloseable {
    private static final int MFD_CLOEXEC = 1;
    private static final int SEEK_END = 2;
    private static final int WNOHANG = 1;
    private static final short POLLIN = 1;
    private static final long PIDFD_OPEN = 434;
    private static final int SLICE_MILLIS = 100;

    /** Room for a posix_spawn_file_actions_t, which has 80 bytes on x86-64. */
    private static final int FILE_ACTIONS_SIZE = 256;

    private static final int STRUCT_POLLFD_SIZE = 8;
    private static final int STRUCT_POLLFD_EVENTS = 4;

    private final long input;
    private final long output;
    private final long errors;
    private long pid;
    private Optional<Integer> status = Optional.empty();

    private SpawnedProcess(byte[] stdin) {
        input = file();
        output = file();
        errors = file();
        write(stdin);
    }

    private static long file() {
        try (Arena arena = Arena.ofConfined()) {
            return Call.MEMFD_CREATE.orThrow(arena.allocateFrom("spawned").address(), MFD_CLOEXEC);
        }
    }

    /**
     * Starts the command, a program of the PATH or a path, with exactly this environment.
     *
     * @param stdin what standard input has
     * @throws CommandFailedException if it can't be started
     */
    static SpawnedProcess start(
            List<String> command,
            Map<String, String> environment,
            byte[] stdin,
            Optional<Path> directory,
            Optional<Path> namespace) {
        SpawnedProcess process = new SpawnedProcess(stdin);
        try {
            process.spawn(command, environment, directory, namespace);
            return process;
        } catch (RuntimeException e) {
            process.closeFiles();
            throw e;
        }
    }

    private void spawn(
            List<String> command, Map<String, String> environment, Optional<Path> directory, Optional<Path> namespace) {
        try (Arena arena = Arena.ofConfined()) {
            long actions = arena.allocate(FILE_ACTIONS_SIZE, Long.BYTES).address();
            Call.FILE_ACTIONS_INIT.of(actions);
            try {
                Call.FILE_ACTIONS_ADD_DUP2.of(actions, input, 0);
                Call.FILE_ACTIONS_ADD_DUP2.of(actions, output, 1);
                Call.FILE_ACTIONS_ADD_DUP2.of(actions, errors, 2);
                Call.FILE_ACTIONS_ADD_CLOSE_FROM.of(actions, 3);
                directory.ifPresent(path -> Call.FILE_ACTIONS_ADD_CHDIR.of(
                        actions, arena.allocateFrom(path.toString()).address()));
                MemorySegment child = arena.allocate(ValueLayout.JAVA_INT);
                long program = arena.allocateFrom(command.getFirst()).address();
                long arguments = strings(arena, command);
                long variables = strings(
                        arena,
                        environment.entrySet().stream()
                                .map(entry -> entry.getKey() + "=" + entry.getValue())
                                .toList());
                // It returns the error's number, once the child has begun to run the program or could not.
                Supplier<Long> call =
                        () -> Call.POSIX_SPAWNP.of(child.address(), program, actions, 0, arguments, variables);
                long error = namespace.map(path -> Posix.inside(path, call)).orElseGet(call);
                if ((int) error != 0) {
                    throw new CommandFailedException(
                            "can't start '%s': %s".formatted(String.join(" ", command), Posix.message((int) error)));
                }
                pid = child.get(ValueLayout.JAVA_INT, 0);
            } finally {
                Call.FILE_ACTIONS_DESTROY.of(actions);
            }
        }
    }

    /** The address of an array of strings with NULL at its end. */
    private static long strings(Arena arena, List<String> strings) {
        MemorySegment array = arena.allocate(ValueLayout.JAVA_LONG, strings.size() + 1);
        for (int i = 0; i < strings.size(); i++) {
            array.setAtIndex(
                    ValueLayout.JAVA_LONG, i, arena.allocateFrom(strings.get(i)).address());
        }
        return array.address();
    }

    /** Whether it ends within the limit. */
    boolean waitFor(Duration limit) throws InterruptedException {
        long start = System.nanoTime();
        long watched = Call.SYSCALL.orThrow(PIDFD_OPEN, pid, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment poll = arena.allocate(STRUCT_POLLFD_SIZE, Integer.BYTES);
            poll.set(ValueLayout.JAVA_INT, 0, (int) watched);
            poll.set(ValueLayout.JAVA_SHORT, STRUCT_POLLFD_EVENTS, POLLIN);
            while (!reaped(WNOHANG)) {
                Duration left = limit.minusNanos(System.nanoTime() - start);
                if (left.isNegative()) {
                    return false;
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                // Rounded up, lest it asks without a pause at the end.
                Call.POLL.of(poll.address(), 1, Math.min(SLICE_MILLIS, left.toMillis() + 1));
            }
            return true;
        } finally {
            Call.CLOSE.of(watched);
        }
    }

    private boolean reaped(int options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment word = arena.allocate(ValueLayout.JAVA_INT);
            if (status.isEmpty() && (int) Call.WAITPID.of(pid, word.address(), options) == (int) pid) {
                status = Optional.of(word.get(ValueLayout.JAVA_INT, 0));
            }
            return status.isPresent();
        }
    }

    /** As a shell has it: 128 and the signal's number for one that was killed (wait(2)). */
    int exitCode() {
        int word = status.orElseThrow();
        int signal = word & 0x7f;
        return signal == 0 ? word >> 8 & 0xff : 128 + signal;
    }

    String stdout() {
        return read(output);
    }

    String stderr() {
        return read(errors);
    }

    private static String read(long file) {
        try (Arena arena = Arena.ofConfined()) {
            long size = Call.LSEEK.orThrow(file, 0, SEEK_END);
            MemorySegment content = arena.allocate(size);
            for (long at = 0; at < size; ) {
                at += Call.PREAD.orThrow(file, content.address() + at, size - at, at);
            }
            return new String(content.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    private void write(byte[] stdin) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment content = arena.allocateFrom(ValueLayout.JAVA_BYTE, stdin);
            for (long at = 0; at < stdin.length; ) {
                at += Call.PWRITE.orThrow(input, content.address() + at, stdin.length - at, at);
            }
        }
    }

    /** Kills it and what it has started, if it has not ended. */
    @Override
    public void close() {
        if (status.isEmpty()) {
            ProcessHandle.of(pid).ifPresent(process -> {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            });
            reaped(0);
        }
        closeFiles();
    }

    private void closeFiles() {
        Call.CLOSE.of(input);
        Call.CLOSE.of(output);
        Call.CLOSE.of(errors);
    }
}
