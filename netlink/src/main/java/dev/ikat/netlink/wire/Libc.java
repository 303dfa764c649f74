package dev.ikat.netlink.wire;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.time.Duration;

/**
 * The C library's system calls. Each returns what the kernel does: the result, or the negated error number.
 *
 * <p>All are linked with one signature, six machine words in and one out: the calling conventions of 64-bit Linux
 * (System V for x86-64, AAPCS64) pass {@code int}, {@code long} and pointers in the same registers, and a callee
 * ignores those for which it has no parameter. So the JDK generates and warms up one call stub instead of a dozen,
 * which shortens the start of a cold plugin. Results fit into an {@code int}, because no buffer here has 2 GiB.
 *
 * <p>A pointer is passed as its address, which {@link #call} keeps valid by holding on to the segment.
 */
public final class Libc {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_CLOEXEC = 0x80000;

    /** The level of the options that every socket has ({@code asm-generic/socket.h}). */
    public static final int SOL_SOCKET = 1;

    private static final short POLLIN = 1;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final FunctionDescriptor SIX_WORDS = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private static final MethodHandle OPEN = link("open");
    private static final MethodHandle CLOSE = link("close");
    private static final MethodHandle READ = link("read");
    private static final MethodHandle WRITE = link("write");
    private static final MethodHandle SOCKET = link("socket");
    private static final MethodHandle BIND = link("bind");
    private static final MethodHandle GETSOCKNAME = link("getsockname");
    private static final MethodHandle SETSOCKOPT = link("setsockopt");
    private static final MethodHandle GETSOCKOPT = link("getsockopt");
    private static final MethodHandle SENDTO = link("sendto");
    private static final MethodHandle RECVFROM = link("recvfrom");
    private static final MethodHandle POLL = link("poll");
    private static final MethodHandle EVENTFD = link("eventfd");
    private static final MethodHandle IOCTL = link("ioctl");
    private static final MethodHandle SETNS = link("setns");
    private static final MethodHandle UNSHARE = link("unshare");
    private static final MethodHandle FSTATFS = link("fstatfs");
    private static final MethodHandle STATX = link("statx");

    /** Linked when first called, as a cold plugin never does. */
    private static final class Rights {
        static final MethodHandle PRCTL = link("prctl");
        static final MethodHandle CAPGET = link("capget");
        static final MethodHandle CAPSET = link("capset");
    }

    /** Linked when first called, as a cold plugin never does. */
    private static final class Messages {
        static final MethodHandle RECVMSG = link("recvmsg");
    }

    private Libc() {}

    private static MethodHandle link(String symbol) {
        MemorySegment address = LIBC.find(symbol)
                .orElseThrow(() -> new UnsatisfiedLinkError(
                        "the C library has no " + symbol + "(): this needs Linux with glibc 2.28 or later"));
        return LINKER.downcallHandle(address, SIX_WORDS, Linker.Option.captureCallState("errno"));
    }

    private static int call(
            MethodHandle function, long a, long b, long c, long d, long e, long f, MemorySegment... kept) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            int result = (int) (long) function.invokeExact(state, a, b, c, d, e, f);
            return result == -1 ? -(int) ERRNO.get(state, 0L) : result;
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw new LinkageError("calling the C library", thrown);
        } finally {
            Reference.reachabilityFence(kept);
        }
    }

    /** open(2). */
    public static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            return call(OPEN, arena.allocateFrom(path).address(), flags, 0, 0, 0, 0);
        }
    }

    /** close(2); on Linux the descriptor is released even if this fails, so there is nothing to act on. */
    public static void close(int fd) {
        int _ = call(CLOSE, fd, 0, 0, 0, 0, 0);
    }

    /** read(2). */
    public static int read(int fd, MemorySegment buffer) {
        return call(READ, fd, buffer.address(), buffer.byteSize(), 0, 0, 0, buffer);
    }

    /** write(2). */
    public static int write(int fd, MemorySegment data) {
        return call(WRITE, fd, data.address(), data.byteSize(), 0, 0, 0, data);
    }

    /** socket(2). */
    public static int socket(int domain, int type, int protocol) {
        return call(SOCKET, domain, type, protocol, 0, 0, 0);
    }

    /** bind(2). */
    public static int bind(int fd, MemorySegment address) {
        return call(BIND, fd, address.address(), address.byteSize(), 0, 0, 0, address);
    }

    /** getsockname(2); {@code length} is a socklen_t, in and out. */
    public static int getsockname(int fd, MemorySegment address, MemorySegment length) {
        return call(GETSOCKNAME, fd, address.address(), length.address(), 0, 0, 0, address, length);
    }

    /** getsockopt(2); {@code length} is a socklen_t, in and out. */
    public static int getsockopt(int fd, int level, int option, MemorySegment value, MemorySegment length) {
        return call(GETSOCKOPT, fd, level, option, value.address(), length.address(), 0, value, length);
    }

    /** setsockopt(2). */
    public static int setsockopt(int fd, int level, int option, MemorySegment value) {
        return call(SETSOCKOPT, fd, level, option, value.address(), value.byteSize(), 0, value);
    }

    /** send(2). */
    public static int send(int fd, MemorySegment data, long length) {
        return call(SENDTO, fd, data.address(), length, 0, 0, 0, data);
    }

    /** sendto(2). */
    public static int sendto(int fd, MemorySegment data, MemorySegment address) {
        return call(
                SENDTO, fd, data.address(), data.byteSize(), 0, address.address(), address.byteSize(), data, address);
    }

    /** recvfrom(2); {@code length} is a socklen_t, in and out. */
    public static int recvfrom(int fd, MemorySegment buffer, int flags, MemorySegment address, MemorySegment length) {
        return call(
                RECVFROM,
                fd,
                buffer.address(),
                buffer.byteSize(),
                flags,
                address.address(),
                length.address(),
                buffer,
                address,
                length);
    }

    /** recvmsg(2); {@code message} is a struct msghdr, in and out. */
    public static int recvmsg(int fd, MemorySegment message, int flags) {
        return call(Messages.RECVMSG, fd, message.address(), flags, 0, 0, 0, message);
    }

    /** poll(2); {@code descriptors} is an array of struct pollfd. */
    public static int poll(MemorySegment descriptors, int count, int timeoutMillis) {
        return call(POLL, descriptors.address(), count, timeoutMillis, 0, 0, 0, descriptors);
    }

    /**
     * Whether there is something to receive within this time; poll(2) of one descriptor. An interruption by a signal
     * counts as nothing.
     */
    public static boolean isReadable(int fd, Duration limit) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment descriptor = arena.allocate(Long.BYTES, Integer.BYTES);
            descriptor.set(ValueLayout.JAVA_INT, 0, fd);
            descriptor.set(ValueLayout.JAVA_SHORT, Integer.BYTES, POLLIN);
            // Rounded up, lest the last part of a millisecond is waited for in a loop.
            return poll(descriptor, 1, Math.clamp(limit.toMillis() + 1, 0, Integer.MAX_VALUE)) > 0;
        }
    }

    /** eventfd(2). */
    public static int eventfd(int initial, int flags) {
        return call(EVENTFD, initial, flags, 0, 0, 0, 0);
    }

    /** ioctl(2). */
    public static int ioctl(int fd, long request, MemorySegment argument) {
        return call(IOCTL, fd, request, argument.address(), 0, 0, 0, argument);
    }

    /** setns(2). */
    public static int setns(int fd, int namespaceType) {
        return call(SETNS, fd, namespaceType, 0, 0, 0, 0);
    }

    /** unshare(2). */
    public static int unshare(int flags) {
        return call(UNSHARE, flags, 0, 0, 0, 0, 0);
    }

    /** fstatfs(2). */
    public static int fstatfs(int fd, MemorySegment buffer) {
        return call(FSTATFS, fd, buffer.address(), 0, 0, 0, 0, buffer);
    }

    /** statx(2) of the open file {@code fd} itself. */
    public static int statx(int fd, int mask, MemorySegment buffer) {
        int atEmptyPath = 0x1000;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment emptyPath = arena.allocateFrom("");
            return call(STATX, fd, emptyPath.address(), atEmptyPath, mask, buffer.address(), 0, buffer);
        }
    }

    /** prctl(2), of the calling thread. */
    public static int prctl(int option, long argument) {
        return call(Rights.PRCTL, option, argument, 0, 0, 0, 0);
    }

    /** capget(2); the segments are a {@code cap_user_header_t} and a {@code cap_user_data_t}. */
    public static int capget(MemorySegment header, MemorySegment data) {
        return call(Rights.CAPGET, header.address(), data.address(), 0, 0, 0, 0, header, data);
    }

    /** capset(2); the segments are a {@code cap_user_header_t} and a {@code cap_user_data_t}. */
    public static int capset(MemorySegment header, MemorySegment data) {
        return call(Rights.CAPSET, header.address(), data.address(), 0, 0, 0, 0, header, data);
    }
}
