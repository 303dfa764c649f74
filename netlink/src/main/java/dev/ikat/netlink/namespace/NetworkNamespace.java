package dev.ikat.netlink.namespace;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * An open network namespace. It exists as long as this is open, even if its last process ends and its path is
 * unmounted.
 *
 * <p>Any number of threads may use it, but call {@link #close()} only when no call and no request that refers to it is
 * running.
 */
public final class NetworkNamespace implements AutoCloseable {
    /** {@code linux/sched.h}. */
    static final int CLONE_NEWNET = 0x4000_0000;

    /** {@code linux/magic.h}. */
    private static final long NSFS_MAGIC = 0x6e73_6673L;

    /** {@code _IO(0xb7, 3)}, linux/nsfs.h. */
    private static final long NS_GET_NSTYPE = 0xb703;

    /** STATX_INO, and the place of stx_ino in struct statx and its size, linux/stat.h. */
    private static final int STATX_INO = 0x100;

    private static final long STX_INO = 32;
    private static final long STATX_SIZE = 256;

    /** {@code sys/socket.h}, {@code asm-generic/socket.h}. */
    private static final int AF_UNIX = 1;

    private static final int SOCK_DGRAM_CLOEXEC = 0x80002;
    private static final int SO_NETNS_COOKIE = 71;

    /** Not less than struct statfs on any architecture; f_type is its first word. */
    private static final long STATFS_SIZE = 256;

    private final int fd;
    private final long inode;
    private final String path;
    private final AtomicBoolean closed = new AtomicBoolean();

    private NetworkNamespace(int fd, long inode, String path) {
        this.fd = fd;
        this.inode = inode;
        this.path = path;
    }

    /**
     * Opens the namespace at a path, such as {@code /run/netns/name} or {@code /proc/PID/ns/net}.
     *
     * @throws NamespaceGoneException if the path does not exist, or is not a network namespace
     * @throws NetlinkException if the kernel refuses for another reason, such as EACCES
     */
    public static NetworkNamespace open(Path path) {
        // Not blocking, lest what lies at the path is a pipe without writer.
        int fd = Libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC | Libc.O_NONBLOCK);
        return switch (-fd) {
            case Errno.ENOENT, Errno.ENOTDIR, Errno.ENXIO, Errno.ESRCH ->
                throw new NamespaceGoneException(path.toString(), "the path does not exist (" + Errno.name(-fd) + ")");
            default -> {
                if (fd < 0) {
                    throw new NetlinkException("open network namespace " + path, -fd);
                }
                yield examined(fd, path.toString());
            }
        };
    }

    /**
     * A new namespace without a path: it exists as long as this is open.
     *
     * @throws NetlinkException if the kernel refuses, as without CAP_SYS_ADMIN
     */
    public static NetworkNamespace create() {
        FutureTask<NetworkNamespace> creation = new FutureTask<>(() -> {
            int result = Libc.unshare(CLONE_NEWNET);
            if (result < 0) {
                throw new NetlinkException("create a network namespace (this needs CAP_SYS_ADMIN)", -result);
            }
            return current();
        });
        // It ends in the new namespace: no other work may ever run on it.
        Thread.ofPlatform().daemon().name("ikat-new-namespace").start(creation);
        return NamespaceThread.await(creation);
    }

    /** The namespace of the calling thread. */
    public static NetworkNamespace current() {
        return open(Path.of("/proc/thread-self/ns/net"));
    }

    /**
     * The namespace of a descriptor, which it owns from now on.
     *
     * @throws NamespaceGoneException if it is not one of a network namespace; it is closed then
     * @throws NetlinkException if the kernel refuses; likewise
     */
    static NetworkNamespace examined(int fd, String path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment statfs = arena.allocate(STATFS_SIZE, Long.BYTES);
            boolean nsfs = Libc.fstatfs(fd, statfs) == 0 && statfs.get(ValueLayout.JAVA_LONG, 0) == NSFS_MAGIC;
            if (!nsfs || Libc.ioctl(fd, NS_GET_NSTYPE, MemorySegment.NULL) != CLONE_NEWNET) {
                Libc.close(fd);
                throw new NamespaceGoneException(path, "the path is not a network namespace");
            }
            MemorySegment statx = arena.allocate(STATX_SIZE, Long.BYTES);
            int result = Libc.statx(fd, STATX_INO, statx);
            if (result < 0) {
                Libc.close(fd);
                throw new NetlinkException("identify network namespace " + path, -result);
            }
            return new NetworkNamespace(fd, statx.get(ValueLayout.JAVA_LONG, STX_INO), path);
        }
    }

    /** The number that identifies this namespace on this host as long as it exists. */
    public long inode() {
        return inode;
    }

    /**
     * The number by which eBPF programs know this namespace, and which no other ever has (SO_NETNS_COOKIE).
     *
     * @throws NetlinkException if the kernel does not tell (Linux 5.14)
     */
    public long cookie() {
        return call(() -> {
            int socket = Libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
            if (socket < 0) {
                throw new NetlinkException("open a socket in " + this, -socket);
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment cookie = arena.allocate(ValueLayout.JAVA_LONG);
                MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, Long.BYTES);
                int result = Libc.getsockopt(socket, Libc.SOL_SOCKET, SO_NETNS_COOKIE, cookie, length);
                if (result < 0) {
                    throw new NetlinkException("ask for the cookie of " + this, -result);
                }
                return cookie.get(ValueLayout.JAVA_LONG, 0);
            } finally {
                Libc.close(socket);
            }
        });
    }

    /**
     * The open file descriptor.
     *
     * @throws IllegalStateException if it was closed
     */
    public int fd() {
        if (closed.get()) {
            throw new IllegalStateException(this + " was closed");
        }
        return fd;
    }

    /**
     * Runs {@code task} inside this namespace, on a thread that {@link #threads} created or on one that only serves
     * this purpose, and waits for it. Sockets that the task opens and returns stay in this namespace and can be used
     * from any thread. Threads that the task starts stay in this namespace for ever, so it must not start any.
     *
     * @return what the task returned
     * @throws NetlinkException if the namespace can't be entered; the task's exceptions are passed on unchanged
     */
    public <T> T call(Supplier<T> task) {
        return NamespaceThread.call(this, task);
    }

    /**
     * Creates platform threads that run a {@link #call} themselves: to wake another thread would cost more than the
     * usual task. A thread that can't return from a namespace, which the kernel has no reason to refuse, throws a
     * {@link NamespaceLostError}.
     *
     * @param prefix of their names, to which a number is added
     */
    public static ThreadFactory threads(String prefix) {
        AtomicInteger number = new AtomicInteger();
        return work -> new NamespaceThread(work, prefix + number.getAndIncrement(), false);
    }

    /** Closes the descriptor; idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Libc.close(fd);
        }
    }

    @Override
    public String toString() {
        return "network namespace " + path + " [" + inode + "]";
    }
}
