package dev.ikat.netlink.namespace;

import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.Libc;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Optional;

/**
 * Reads a Unix socket without waiting, and keeps the file that another process passes with the bytes (SCM_RIGHTS,
 * unix(7)): so a process gets a network namespace whose path it does not see, or may not open. Used by one thread.
 */
public final class NamespaceChannel implements ReadableByteChannel {
    /** {@code linux/socket.h}. */
    private static final int MSG_DONTWAIT = 0x40;

    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
    private static final int SCM_RIGHTS = 1;

    /** struct msghdr and the places of what is used of it, on 64-bit machines. */
    private static final long MSGHDR_SIZE = 56;

    private static final long MSG_IOV = 16;
    private static final long MSG_IOVLEN = 24;
    private static final long MSG_CONTROL = 32;
    private static final long MSG_CONTROLLEN = 40;

    /** struct cmsghdr: its length, its level, its type, and here one descriptor; the kernel closes what has no room. */
    private static final long CMSG_LEVEL = 8;

    private static final long CMSG_TYPE = 12;
    private static final long CMSG_DATA = 16;
    private static final long CMSG_LEN = 20;

    private static final int CHUNK = 64 * 1024;
    private static final int NONE = -1;

    private final int socket;
    private int passed = NONE;
    private boolean open = true;

    /**
     * A channel that nothing was read from.
     *
     * @param socket the descriptor of a connected Unix socket, which stays its owner's
     */
    public NamespaceChannel(int socket) {
        this.socket = socket;
    }

    /**
     * Reads what is there, at most 64 KiB.
     *
     * @return how many bytes: 0 if there are none as yet, -1 if there will be none any more
     * @throws IOException if the connection is broken
     */
    @Override
    public int read(ByteBuffer target) throws IOException {
        int size = Math.min(target.remaining(), CHUNK);
        if (size == 0) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(size);
            MemorySegment control = arena.allocate(CMSG_LEN, Long.BYTES);
            int count = receive(arena, bytes, control);
            if (count == -Errno.EAGAIN) {
                return 0;
            }
            if (count < 0) {
                throw new IOException("can't read the connection: " + Errno.name(-count));
            }
            if (count == 0) {
                return -1;
            }
            target.put(bytes.asSlice(0, count).asByteBuffer());
            return count;
        }
    }

    private int receive(Arena arena, MemorySegment bytes, MemorySegment control) {
        MemorySegment vector = arena.allocate(2L * Long.BYTES, Long.BYTES);
        vector.set(ValueLayout.JAVA_LONG, 0, bytes.address());
        vector.set(ValueLayout.JAVA_LONG, Long.BYTES, bytes.byteSize());
        MemorySegment message = arena.allocate(MSGHDR_SIZE, Long.BYTES);
        message.set(ValueLayout.JAVA_LONG, MSG_IOV, vector.address());
        message.set(ValueLayout.JAVA_LONG, MSG_IOVLEN, 1);
        message.set(ValueLayout.JAVA_LONG, MSG_CONTROL, control.address());
        message.set(ValueLayout.JAVA_LONG, MSG_CONTROLLEN, CMSG_LEN);
        int count;
        do {
            count = Libc.recvmsg(socket, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        } while (count == -Errno.EINTR);
        if (count >= 0 && message.get(ValueLayout.JAVA_LONG, MSG_CONTROLLEN) > CMSG_DATA) {
            keep(control);
        }
        return count;
    }

    /** The first one. */
    private void keep(MemorySegment control) {
        if (control.get(ValueLayout.JAVA_INT, CMSG_LEVEL) != Libc.SOL_SOCKET
                || control.get(ValueLayout.JAVA_INT, CMSG_TYPE) != SCM_RIGHTS) {
            return;
        }
        int file = control.get(ValueLayout.JAVA_INT, CMSG_DATA);
        if (passed == NONE) {
            passed = file;
        } else {
            Libc.close(file);
        }
    }

    /**
     * Hands over the namespace that was passed, which the caller closes.
     *
     * @param path what messages call it
     * @return empty if nothing was passed, or something else
     */
    public Optional<NetworkNamespace> take(String path) {
        if (passed == NONE) {
            return Optional.empty();
        }
        int file = passed;
        passed = NONE;
        try {
            return Optional.of(NetworkNamespace.examined(file, path));
        } catch (NamespaceGoneException | NetlinkException e) {
            return Optional.empty();
        }
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    /** Closes what was passed and not taken, and not the socket. */
    @Override
    public void close() {
        open = false;
        if (passed != NONE) {
            Libc.close(passed);
            passed = NONE;
        }
    }
}
