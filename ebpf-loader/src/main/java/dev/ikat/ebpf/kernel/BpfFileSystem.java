package dev.ikat.ebpf.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The file system in which programs, maps and links have names. */
public final class BpfFileSystem {
    /** linux/magic.h. */
    private static final long BPF_FS_MAGIC = 0xcafe4a11L;

    /** Not less than struct statfs on any architecture; f_type is its first word. */
    private static final int STATFS_BYTES = 256;

    private static final MethodHandle STATFS = Bpf.handle(
            "statfs", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle MOUNT = Bpf.handle(
            "mount",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG));

    private BpfFileSystem() {}

    /** Mounts it there, unless it is already mounted. */
    public static void require(Path directory) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Bpf.CAPTURE);
            MemorySegment path = arena.allocateFrom(directory.toString());
            MemorySegment statfs = arena.allocate(STATFS_BYTES, Long.BYTES);
            int result = (int) STATFS.invokeExact(state, path.address(), statfs.address());
            if (result == 0 && statfs.get(ValueLayout.JAVA_LONG, 0) == BPF_FS_MAGIC) {
                return;
            }
            MemorySegment type = arena.allocateFrom("bpf");
            result = (int) MOUNT.invokeExact(state, type.address(), path.address(), type.address(), 0L, 0L);
            if (result != 0) {
                throw new BpfException("mount the bpf file system at " + directory, (int) Bpf.ERRNO.get(state, 0L));
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("calling mount(2)", e);
        }
    }
}
