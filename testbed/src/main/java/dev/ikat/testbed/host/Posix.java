package dev.ikat.testbed.host;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * The calls of the C library for which the JDK has nothing, or nothing that is quick. Its own binding, and not that of
 * {@code netlink}, which is among what this module is the witness of. All have one shape, as 64-bit Linux passes
 * numbers and pointers alike.
 */
final class Posix {
    /** {@code linux/sched.h}. */
    private static final int CLONE_NEWNET = 0x4000_0000;

    private static final int O_CREAT = 0x40;
    private static final int O_EXCL = 0x80;
    private static final int O_CLOEXEC = 0x80000;

    /** {@code linux/mount.h}. */
    private static final int MS_BIND = 0x1000;

    private static final int MS_REC = 0x4000;
    private static final int MS_SHARED = 1 << 20;
    private static final int MNT_DETACH = 2;

    /** {@code linux/sockios.h}, net/if.h and socket(2): struct ifreq has 40 bytes, the flags after 16 of the name. */
    private static final int SIOCSIFFLAGS = 0x8914;

    private static final int IFREQ_SIZE = 40;
    private static final int IFREQ_FLAGS = 16;
    private static final short IFF_UP = 1;
    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM = 2;

    private static final String OWN_NAMESPACE = "/proc/thread-self/ns/net";

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final FunctionDescriptor SIX_WORDS = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private Posix() {}

    /** What is called. */
    enum Call {
        CLOSE("close"),
        FILE_ACTIONS_ADD_CHDIR("posix_spawn_file_actions_addchdir_np"),
        FILE_ACTIONS_ADD_CLOSE_FROM("posix_spawn_file_actions_addclosefrom_np"),
        FILE_ACTIONS_ADD_DUP2("posix_spawn_file_actions_adddup2"),
        FILE_ACTIONS_DESTROY("posix_spawn_file_actions_destroy"),
        FILE_ACTIONS_INIT("posix_spawn_file_actions_init"),
        IOCTL("ioctl"),
        LSEEK("lseek"),
        MEMFD_CREATE("memfd_create"),
        MOUNT("mount"),
        OPEN("open"),
        POLL("poll"),
        POSIX_SPAWNP("posix_spawnp"),
        PREAD("pread"),
        PWRITE("pwrite"),
        SENDMSG("sendmsg"),
        SETNS("setns"),
        SOCKET("socket"),
        SOCKETPAIR("socketpair"),
        STRERROR("strerror"),
        SYSCALL("syscall"),
        UMOUNT("umount2"),
        UNLINK("unlink"),
        UNSHARE("unshare"),
        WAITPID("waitpid");

        private final String symbol;
        private final MethodHandle handle;

        Call(String symbol) {
            this.symbol = symbol;
            handle = LINKER.downcallHandle(
                    LINKER.defaultLookup().findOrThrow(symbol), SIX_WORDS, Linker.Option.captureCallState("errno"));
        }

        /** What it returns, or the negated number of the error where that is -1; pointers as addresses. */
        long of(long... arguments) {
            long[] words = java.util.Arrays.copyOf(arguments, 6);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment state = arena.allocate(CAPTURE);
                long result =
                        (long) handle.invokeExact(state, words[0], words[1], words[2], words[3], words[4], words[5]);
                return (int) result == -1 ? -(int) ERRNO.get(state, 0L) : result;
            } catch (RuntimeException | Error thrown) {
                throw thrown;
            } catch (Throwable thrown) {
                throw new LinkageError("calling " + symbol, thrown);
            }
        }

        /** The same, where an error is not expected. */
        long orThrow(long... arguments) {
            long result = of(arguments);
            if (result < 0) {
                throw new CommandFailedException(symbol + "(): " + message((int) -result));
            }
            return result;
        }
    }

    /** What strerror(3) says of an error's number. */
    static String message(int error) {
        return MemorySegment.ofAddress(Call.STRERROR.of(error))
                .reinterpret(Long.MAX_VALUE)
                .getString(0);
    }

    /** Makes a network namespace with its loopback interface up, in a directory as {@code ip netns add} does. */
    static void addNamespace(Path parent, String name) {
        try (Arena arena = Arena.ofConfined()) {
            long target = arena.allocateFrom(parent.resolve(name).toString()).address();
            long directory = arena.allocateFrom(parent.toString()).address();
            // What is mounted later is to be seen by processes that have mounts of their own.
            if (Call.MOUNT.of(0, directory, 0, MS_SHARED | MS_REC) < 0) {
                Call.MOUNT.orThrow(directory, directory, 0, MS_BIND | MS_REC);
                Call.MOUNT.orThrow(0, directory, 0, MS_SHARED | MS_REC);
            }
            Call.CLOSE.of(Call.OPEN.orThrow(target, O_CREAT | O_EXCL | O_CLOEXEC));
            try {
                elsewhere(() -> Call.UNSHARE.orThrow(CLONE_NEWNET), () -> {
                    loopbackUp();
                    return Call.MOUNT.orThrow(arena.allocateFrom(OWN_NAMESPACE).address(), target, 0, MS_BIND);
                });
            } catch (CommandFailedException e) {
                Call.UNLINK.of(target);
                throw e;
            }
        }
    }

    private static void loopbackUp() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment request = arena.allocate(IFREQ_SIZE, Long.BYTES);
            request.setString(0, "lo");
            request.set(ValueLayout.JAVA_SHORT, IFREQ_FLAGS, IFF_UP);
            long socket = Call.SOCKET.orThrow(AF_INET, SOCK_DGRAM);
            try {
                Call.IOCTL.orThrow(socket, SIOCSIFFLAGS, request.address());
            } finally {
                Call.CLOSE.of(socket);
            }
        }
    }

    /** Removes the name of a namespace as {@code ip netns del} does, if it is there. */
    static void deleteNamespace(Path path) {
        try (Arena arena = Arena.ofConfined()) {
            long target = arena.allocateFrom(path.toString()).address();
            Call.UMOUNT.of(target, MNT_DETACH);
            Call.UNLINK.of(target);
        }
    }

    /** Runs the task inside the namespace; it must not block. */
    static <T> T inside(Path namespace, Supplier<T> task) {
        return elsewhere(() -> enter(namespace.toString()), task);
    }

    private static void enter(String namespace) {
        try (Arena arena = Arena.ofConfined()) {
            long fd = Call.OPEN.of(arena.allocateFrom(namespace).address(), O_CLOEXEC);
            if (fd < 0) {
                throw new CommandFailedException("can't open " + namespace + ": " + message((int) -fd));
            }
            try {
                Call.SETNS.orThrow(fd, CLONE_NEWNET);
            } finally {
                Call.CLOSE.of(fd);
            }
        }
    }

    /** Neither blocks, so that a virtual thread stays on the thread whose namespace it changes. */
    private static <T> T elsewhere(Runnable going, Supplier<T> task) {
        try (Arena arena = Arena.ofConfined()) {
            long home = Call.OPEN.orThrow(arena.allocateFrom(OWN_NAMESPACE).address(), O_CLOEXEC);
            try {
                going.run();
                return task.get();
            } finally {
                comeBack(home);
            }
        }
    }

    private static void comeBack(long home) {
        long result = Call.SETNS.of(home, CLONE_NEWNET);
        Call.CLOSE.of(home);
        if (result < 0) {
            throw new AssertionError("this thread can't go back to its network namespace: " + message((int) -result));
        }
    }
}
