package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.Errno;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * The system call bpf(2), one method for each command. Commands, their arguments ({@code union bpf_attr}) and numbers
 * are those of {@code linux/bpf.h}.
 */
public final class Bpf {
    /** {@code enum bpf_attach_type}. */
    static final int BPF_NETFILTER = 45;

    public static final int BPF_TCX_INGRESS = 46;

    public static final int BPF_TCX_EGRESS = 47;

    /** {@code BPF_F_NETFILTER_IP_DEFRAG}: fragments are put together first. */
    private static final int NETFILTER_IP_DEFRAG = 1;

    private static final int NF_INET_FORWARD = 2; // linux/netfilter.h

    private static final long NOEXIST = 1;

    private static final int MAP_CREATE = 0;
    private static final int MAP_LOOKUP_ELEM = 1;
    private static final int MAP_UPDATE_ELEM = 2;
    private static final int MAP_DELETE_ELEM = 3;
    private static final int MAP_GET_NEXT_KEY = 4;
    private static final int PROG_LOAD = 5;
    private static final int OBJ_PIN = 6;
    private static final int OBJ_GET = 7;
    private static final int OBJ_GET_INFO_BY_FD = 15;
    private static final int MAP_LOOKUP_BATCH = 24;
    private static final int MAP_UPDATE_BATCH = 26;
    private static final int MAP_DELETE_BATCH = 27;
    private static final int LINK_CREATE = 28;
    private static final int LINK_UPDATE = 29;
    private static final int LINK_DETACH = 34;

    /** So many elements are read at once: more than there ever are in one bucket of a hash map. */
    private static final int READ_AT_ONCE = 4096;

    /** Not less than what any of these commands reads of {@code union bpf_attr}. */
    private static final int ATTRIBUTE_BYTES = 72;

    private static final int INFO_BYTES = 64;

    /** {@code O_RDONLY | O_CLOEXEC}, {@code asm-generic/fcntl.h}. */
    private static final int READ_ONLY = 0x80000;

    private static final long SYSCALL = System.getProperty("os.arch").equals("aarch64") ? 280 : 321;

    private static final Linker LINKER = Linker.nativeLinker();
    static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    static final VarHandle ERRNO = CAPTURE.varHandle(PathElement.groupElement("errno"));
    private static final MethodHandle BPF = handle(
            "syscall",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle CLOSE =
            handle("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle OPEN =
            handle("open", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));

    private Bpf() {}

    /** A function of the C library. */
    static MethodHandle handle(String symbol, FunctionDescriptor shape) {
        MemorySegment address = LINKER.defaultLookup()
                .find(symbol)
                .orElseThrow(() -> new UnsatisfiedLinkError("the C library has no " + symbol));
        return LINKER.downcallHandle(address, shape, Linker.Option.captureCallState("errno"));
    }

    private static int call(int command, MemorySegment attribute, Arena arena) {
        try {
            MemorySegment state = arena.allocate(CAPTURE);
            long result =
                    (long) BPF.invokeExact(state, SYSCALL, (long) command, attribute.address(), attribute.byteSize());
            return result < 0 ? -(int) ERRNO.get(state, 0L) : (int) result;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("calling bpf(2)", e);
        }
    }

    private static int call(String what, int command, MemorySegment attribute, Arena arena) {
        int result = call(command, attribute, arena);
        if (result < 0) {
            throw new BpfException(what, -result);
        }
        return result;
    }

    private static MemorySegment attribute(Arena arena) {
        return arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
    }

    private static void set(MemorySegment attribute, long offset, int value) {
        attribute.set(ValueLayout.JAVA_INT, offset, value);
    }

    private static void set(MemorySegment attribute, long offset, MemorySegment value) {
        attribute.set(ValueLayout.JAVA_LONG, offset, value.address());
    }

    private static MemorySegment copy(Arena arena, ByteBuffer bytes) {
        MemorySegment copy = arena.allocate(Math.max(1, bytes.remaining()), Long.BYTES);
        copy.copyFrom(MemorySegment.ofBuffer(bytes));
        return copy;
    }

    /**
     * Loads a program that does nothing but return 1.
     *
     * @param type {@code enum bpf_prog_type}
     * @param attachType {@code enum bpf_attach_type}
     * @return its descriptor, or what errno would be, negated
     */
    static int loadProgram(int type, int attachType) {
        try (Arena arena = Arena.ofConfined()) {
            // r0 = 1; exit. The code of an instruction is its first byte, its constant the last four.
            ByteBuffer instructions =
                    Layout.of(16).put(0, (byte) 0xb7).putInt(4, 1).put(8, (byte) 0x95);
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, type);
            set(attribute, 4, 2);
            set(attribute, 8, copy(arena, instructions));
            set(attribute, 16, arena.allocateFrom("GPL"));
            set(attribute, 68, attachType);
            return call(PROG_LOAD, attribute, arena);
        }
    }

    /**
     * Creates a map.
     *
     * @param name by which it is listed, and found again in an object that uses it; up to 15 characters
     * @param type {@code enum bpf_map_type}
     * @param flags {@code BPF_F_}
     * @return its descriptor
     */
    public static int createMap(String name, int type, int keyBytes, int valueBytes, int capacity, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, type);
            set(attribute, 4, keyBytes);
            set(attribute, 8, valueBytes);
            set(attribute, 12, capacity);
            set(attribute, 16, flags);
            MemorySegment.copy(
                    name.getBytes(StandardCharsets.US_ASCII), 0, attribute, ValueLayout.JAVA_BYTE, 28, name.length());
            return call("create the map " + name, MAP_CREATE, attribute, arena);
        }
    }

    /** A map's identifier. */
    public static int mapId(int map) {
        return info(map).get(ValueLayout.JAVA_INT, 4);
    }

    /** The maximum number of a map's elements. */
    public static int capacity(int map) {
        return info(map).get(ValueLayout.JAVA_INT, 16);
    }

    /** Puts one element into a map, or replaces the one with its key. */
    public static void update(BpfMap map, ByteBuffer key, ByteBuffer value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = element(arena, map, key);
            set(attribute, 16, copy(arena, value));
            call("put an element into the map " + map, MAP_UPDATE_ELEM, attribute, arena);
        }
    }

    private static MemorySegment element(Arena arena, BpfMap map, ByteBuffer key) {
        MemorySegment attribute = attribute(arena);
        set(attribute, 0, map.fd());
        set(attribute, 8, copy(arena, key));
        return attribute;
    }

    /** Puts an element into a map if there is none with its key. */
    public static void add(BpfMap map, ByteBuffer key, ByteBuffer value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = element(arena, map, key);
            set(attribute, 16, copy(arena, value));
            attribute.set(ValueLayout.JAVA_LONG, 24, NOEXIST);
            int result = call(MAP_UPDATE_ELEM, attribute, arena);
            if (result < 0 && -result != Errno.EEXIST) {
                throw new BpfException("add an element to the map " + map, -result);
            }
        }
    }

    /** Deletes an element; false if there is none with this key. */
    public static boolean delete(BpfMap map, ByteBuffer key) {
        try (Arena arena = Arena.ofConfined()) {
            int result = call(MAP_DELETE_ELEM, element(arena, map, key), arena);
            if (result < 0 && -result != Errno.ENOENT) {
                throw new BpfException("delete an element of the map " + map, -result);
            }
            return result == 0;
        }
    }

    /** The value that a map has for a key. */
    public static Optional<ByteBuffer> lookup(BpfMap map, ByteBuffer key) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = element(arena, map, key);
            MemorySegment value = arena.allocate(map.lookupBytes(), Long.BYTES);
            set(attribute, 16, value);
            int result = call(MAP_LOOKUP_ELEM, attribute, arena);
            if (-result == Errno.ENOENT) {
                return Optional.empty();
            }
            if (result < 0) {
                throw new BpfException("look into the map " + map, -result);
            }
            return Optional.of(Layout.copy(value.asByteBuffer()));
        }
    }

    /** The key that follows another one, or the first; empty after the last. */
    public static Optional<ByteBuffer> nextKey(BpfMap map, Optional<ByteBuffer> before) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, map.fd());
            before.ifPresent(key -> set(attribute, 8, copy(arena, key)));
            MemorySegment next = arena.allocate(map.keyBytes(), Long.BYTES);
            set(attribute, 16, next);
            int result = call(MAP_GET_NEXT_KEY, attribute, arena);
            if (-result == Errno.ENOENT) {
                return Optional.empty();
            }
            if (result < 0) {
                throw new BpfException("list the map " + map, -result);
            }
            return Optional.of(Layout.copy(next.asByteBuffer()));
        }
    }

    /**
     * Puts many elements into a map.
     *
     * @param keys one after the other
     * @param values theirs, in the same order
     */
    static void updateAll(BpfMap map, ByteBuffer keys, ByteBuffer values, int count) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = batch(arena, map, keys, count);
            set(attribute, 24, copy(arena, values));
            call("put " + count + " elements into the map " + map, MAP_UPDATE_BATCH, attribute, arena);
        }
    }

    /** Deletes many elements; fails where one is not there, with those before it deleted. */
    static void deleteAll(BpfMap map, ByteBuffer keys, int count) {
        try (Arena arena = Arena.ofConfined()) {
            call(
                    "delete " + count + " elements of the map " + map,
                    MAP_DELETE_BATCH,
                    batch(arena, map, keys, count),
                    arena);
        }
    }

    /**
     * Calls the visitor with the key and the value of each element of a hash map; both are valid during that call only.
     * Elements that are added or deleted in the meantime may be missing.
     */
    public static void forEach(BpfMap map, BiConsumer<MemorySegment, MemorySegment> visitor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            MemorySegment position = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment keys = arena.allocate((long) READ_AT_ONCE * map.keyBytes(), Long.BYTES);
            MemorySegment values = arena.allocate((long) READ_AT_ONCE * map.lookupBytes(), Long.BYTES);
            set(attribute, 8, position);
            set(attribute, 16, keys);
            set(attribute, 24, values);
            set(attribute, 36, map.fd());
            int result = 0;
            while (-result != Errno.ENOENT) {
                set(attribute, 32, READ_AT_ONCE);
                result = call(MAP_LOOKUP_BATCH, attribute, arena);
                if (result < 0 && -result != Errno.ENOENT) {
                    throw new BpfException("read the map " + map, -result);
                }
                int count = attribute.get(ValueLayout.JAVA_INT, 32);
                for (long i = 0; i < count; i++) {
                    visitor.accept(
                            keys.asSlice(i * map.keyBytes(), map.keyBytes()),
                            values.asSlice(i * map.lookupBytes(), map.lookupBytes()));
                }
                // From where it got to.
                set(attribute, 0, position);
            }
        }
    }

    private static MemorySegment batch(Arena arena, BpfMap map, ByteBuffer keys, int count) {
        MemorySegment attribute = attribute(arena);
        set(attribute, 16, copy(arena, keys));
        set(attribute, 32, count);
        set(attribute, 36, map.fd());
        return attribute;
    }

    /** Gives an object a name in the file system, which keeps it in the kernel. */
    public static void pin(int fd, Path path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, arena.allocateFrom(path.toString()));
            set(attribute, 8, fd);
            call("pin " + path, OBJ_PIN, attribute, arena);
        }
    }

    /** Opens the object with this name in the file system; empty if there is none. */
    public static Optional<Integer> pinned(Path path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, arena.allocateFrom(path.toString()));
            int result = call(OBJ_GET, attribute, arena);
            if (-result == Errno.ENOENT) {
                return Optional.empty();
            }
            if (result < 0) {
                throw new BpfException("open " + path, -result);
            }
            return Optional.of(result);
        }
    }

    /**
     * Attaches a program to the forward hook of the calling thread's network namespace.
     *
     * @param protocolFamily PF_INET or PF_INET6
     * @param priority among netfilter's hooks; two eBPF programs can't have the same
     * @return the link, or the negated errno
     */
    public static int attachForward(int program, int protocolFamily, int priority) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, program);
            set(attribute, 8, BPF_NETFILTER);
            set(attribute, 16, protocolFamily);
            set(attribute, 20, NF_INET_FORWARD);
            set(attribute, 24, priority);
            set(attribute, 28, NETFILTER_IP_DEFRAG);
            return call(LINK_CREATE, attribute, arena);
        }
    }

    /**
     * Attaches a program to what an interface of the calling thread's network namespace receives or sends, or to the
     * sockets of a control group.
     *
     * @param target the interface's index, or the control group's descriptor
     * @param type {@code enum bpf_attach_type}
     * @return the link, or the negated errno
     */
    public static int attach(int program, int target, int type) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, program);
            set(attribute, 4, target);
            set(attribute, 8, type);
            return call(LINK_CREATE, attribute, arena);
        }
    }

    /**
     * Replaces a link's program, between two packets; false if the object to which it was attached no longer exists.
     */
    public static boolean update(int link, int program) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, link);
            set(attribute, 4, program);
            return call(LINK_UPDATE, attribute, arena) == 0;
        }
    }

    /** Ends a link, even if other processes hold it. Does nothing if it has already ended, or can't be ended. */
    public static void detach(int link) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, link);
            int _ = call(LINK_DETACH, attribute, arena);
        }
    }

    /**
     * The properties of a link.
     *
     * @param program its program's identifier
     * @param target where it is attached: an interface's index, a protocol family, or the lower half of a control
     *     group's number; 0 if it has ended
     */
    public record LinkInfo(int program, int target) {}

    /** The properties of a link. */
    public static LinkInfo linkInfo(int link) {
        MemorySegment info = info(link);
        return new LinkInfo(info.get(ValueLayout.JAVA_INT, 8), info.get(ValueLayout.JAVA_INT, 16));
    }

    /** A program's identifier. */
    public static int programId(int program) {
        return info(program).get(ValueLayout.JAVA_INT, 4);
    }

    private static MemorySegment info(int fd) {
        MemorySegment info = Arena.ofAuto().allocate(INFO_BYTES, Long.BYTES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment attribute = attribute(arena);
            set(attribute, 0, fd);
            set(attribute, 4, INFO_BYTES);
            set(attribute, 8, info);
            call("read the properties of a descriptor", OBJ_GET_INFO_BY_FD, attribute, arena);
        }
        return info;
    }

    /** Opens a directory of the control groups' file system, for {@link #attach}. */
    public static int open(Path directory) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CAPTURE);
            MemorySegment path = arena.allocateFrom(directory.toString());
            int result = (int) OPEN.invokeExact(state, path.address(), READ_ONLY);
            if (result < 0) {
                throw new BpfException("open " + directory, (int) ERRNO.get(state, 0L));
            }
            return result;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("calling open(2)", e);
        }
    }

    /** close(2). */
    public static void close(int fd) {
        try (Arena arena = Arena.ofConfined()) {
            int _ = (int) CLOSE.invokeExact(arena.allocate(CAPTURE), fd);
        } catch (Throwable e) {
            throw new LinkageError("calling close(2)", e);
        }
    }
}
