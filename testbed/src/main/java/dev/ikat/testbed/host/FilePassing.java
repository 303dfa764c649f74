package dev.ikat.testbed.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Two connected Unix sockets, and files that are passed through such sockets (SCM_RIGHTS, unix(7)). */
public final class FilePassing implements AutoCloseable {
    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM_CLOEXEC = 0x80001;
    private static final int O_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;

    private final int sender;
    private final int receiver;

    private FilePassing(int sender, int receiver) {
        this.sender = sender;
        this.receiver = receiver;
    }

    /** Makes the two sockets. */
    public static FilePassing open() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pair = arena.allocate(2L * Integer.BYTES, Integer.BYTES);
            Posix.Call.SOCKETPAIR.orThrow(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair.address());
            return new FilePassing(pair.get(ValueLayout.JAVA_INT, 0), pair.get(ValueLayout.JAVA_INT, Integer.BYTES));
        }
    }

    /** The descriptor of the socket at which arrives what is sent. */
    public int receiver() {
        return receiver;
    }

    /** Sends bytes through the other one. */
    public void send(String bytes, Path... files) {
        send(sender, ByteBuffer.wrap(bytes.getBytes(StandardCharsets.ISO_8859_1)), files);
    }

    /**
     * Opens files and passes them through a socket together with bytes.
     *
     * @param socket its descriptor
     */
    public static void send(int socket, ByteBuffer bytes, Path... files) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(bytes.remaining());
            data.copyFrom(MemorySegment.ofBuffer(bytes));
            MemorySegment vector = arena.allocateFrom(ValueLayout.JAVA_LONG, data.address(), data.byteSize());
            long length = 2L * Long.BYTES + (long) files.length * Integer.BYTES;
            MemorySegment control = arena.allocate(length + Long.BYTES, Long.BYTES);
            control.set(ValueLayout.JAVA_LONG, 0, length);
            control.set(ValueLayout.JAVA_INT, Long.BYTES, SOL_SOCKET);
            control.set(ValueLayout.JAVA_INT, Long.BYTES + Integer.BYTES, SCM_RIGHTS);
            int[] opened = Stream.of(files)
                    .mapToInt(file -> (int) Posix.Call.OPEN.orThrow(
                            arena.allocateFrom(file.toString()).address(), O_CLOEXEC))
                    .toArray();
            MemorySegment.copy(opened, 0, control, ValueLayout.JAVA_INT, 2L * Long.BYTES, opened.length);
            // struct msghdr: name, its length, the vector, its length, the control data, their length, flags.
            MemorySegment message = arena.allocateFrom(
                    ValueLayout.JAVA_LONG,
                    0,
                    0,
                    vector.address(),
                    1,
                    control.address(),
                    files.length == 0 ? 0 : control.byteSize(),
                    0);
            try {
                Posix.Call.SENDMSG.orThrow(socket, message.address(), 0);
            } finally {
                for (int file : opened) {
                    Posix.Call.CLOSE.of(file);
                }
            }
        }
    }

    /** Whether this process has a file open; a namespace is the same by whatever path it was opened. */
    public static boolean hasOpen(Path file) {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.anyMatch(descriptor -> {
                try {
                    return Files.isSameFile(descriptor, file);
                } catch (IOException e) {
                    // Closed meanwhile.
                    return false;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        Posix.Call.CLOSE.of(sender);
        Posix.Call.CLOSE.of(receiver);
    }
}
