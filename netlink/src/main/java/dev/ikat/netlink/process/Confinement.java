package dev.ikat.netlink.process;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Work on a thread that has given up most of root's rights for good. Capabilities belong to threads, and a program that
 * such a thread starts inherits its own; without new privileges (PR_SET_NO_NEW_PRIVS) the program, although it is
 * root's, gets no others when it begins, nor later. The rights of this process's other threads stay as they are.
 */
public final class Confinement {
    /** {@code PR_SET_NO_NEW_PRIVS} (linux/prctl.h). */
    private static final int PR_SET_NO_NEW_PRIVS = 38;

    /** {@code _LINUX_CAPABILITY_VERSION_3} (linux/capability.h). */
    private static final int VERSION_3 = 0x20080522;

    /** {@code struct __user_cap_header_struct}: version, process. */
    private static final int HEADER_BYTES = 2 * Integer.BYTES;

    /** {@code struct __user_cap_data_struct}: effective, permitted, inheritable; twice, for 64 bits. */
    private static final int DATA_BYTES = 2 * 3 * Integer.BYTES;

    private static final int PERMITTED = Integer.BYTES;
    private static final int INHERITABLE = 2 * Integer.BYTES;
    private static final int UPPER = 3 * Integer.BYTES;

    private Confinement() {}

    /**
     * Runs a task on a thread of its own with these capabilities, as far as this process has them, and waits for its
     * end. The thread is in the network namespace of the calling one.
     *
     * @throws ExecutionException if the task throws
     * @throws NetlinkException if the kernel does not let the thread give up its rights
     */
    public static <T> T call(Set<Capability> kept, Callable<T> task) throws ExecutionException, InterruptedException {
        FutureTask<T> result = new FutureTask<>(() -> {
            restrict(kept);
            return task.call();
        });
        Thread thread = Thread.ofPlatform().name("confined").start(result);
        try {
            return result.get();
        } finally {
            thread.join();
        }
    }

    private static void restrict(Set<Capability> kept) {
        require("gain no privileges", Libc.prctl(PR_SET_NO_NEW_PRIVS, 1));
        long wanted = kept.stream().mapToLong(Capability::bit).reduce(0, (one, two) -> one | two);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(HEADER_BYTES, Integer.BYTES);
            header.set(ValueLayout.JAVA_INT, 0, VERSION_3);
            MemorySegment data = arena.allocate(DATA_BYTES, Integer.BYTES);
            require("read this thread's capabilities", Libc.capget(header, data));
            set(data, 0, (int) wanted);
            set(data, UPPER, (int) (wanted >>> Integer.SIZE));
            require("give up capabilities", Libc.capset(header, data));
        }
    }

    private static void set(MemorySegment data, int half, int wanted) {
        int left = data.get(ValueLayout.JAVA_INT, half + PERMITTED) & wanted;
        data.set(ValueLayout.JAVA_INT, half, left);
        data.set(ValueLayout.JAVA_INT, half + PERMITTED, left);
        data.set(ValueLayout.JAVA_INT, half + INHERITABLE, 0);
    }

    private static void require(String what, int result) {
        if (result < 0) {
            throw new NetlinkException(what, -result);
        }
    }
}
