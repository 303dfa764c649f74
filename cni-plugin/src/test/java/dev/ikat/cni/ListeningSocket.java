package dev.ikat.cni;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A socket that somebody listens to and, unless told to, nobody accepts from. */
final class ListeningSocket implements AutoCloseable {
    private static final int ROOT = 0;
    /** The kernel makes room for one connection more than the backlog says (sk_acceptq_is_full, net/sock.h). */
    private static final int BACKLOG = 1;

    private final UnixDomainSocketAddress address;
    private final ServerSocketChannel server;
    private final List<SocketChannel> clients = new ArrayList<>();

    ListeningSocket(Path socket) throws IOException {
        this(socket, ROOT);
    }

    /**
     * As a process of another user has it: what the kernel tells of who listens is who called listen(2), unix(7).
     *
     * @param uid the user, who may write to the socket's directory
     */
    ListeningSocket(Path socket, int uid) throws IOException {
        address = UnixDomainSocketAddress.of(socket);
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        if (uid == ROOT) {
            server.bind(address, BACKLOG);
            return;
        }
        becomeUser(uid);
        try {
            server.bind(address, BACKLOG);
        } finally {
            becomeUser(ROOT);
        }
    }

    /** The system call itself changes this thread alone; the C library's function would change all of the process. */
    private static void becomeUser(int effective) {
        long setresuid = System.getProperty("os.arch", "").equals("aarch64") ? 147 : 117;
        MethodHandle syscall = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("syscall"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG));
        try {
            if ((long) syscall.invokeExact(setresuid, -1L, (long) effective, -1L) != 0) {
                throw new IllegalStateException("setresuid failed; is this root?");
            }
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw new LinkageError("calling setresuid", thrown);
        }
    }

    /** After this, who connects must wait. */
    void fillBacklog() throws IOException {
        for (int i = 0; i <= BACKLOG; i++) {
            clients.add(SocketChannel.open(address));
        }
    }

    /** What the first one who connected has sent before it ended; it must have ended. */
    int receivedBytes() throws IOException {
        try (SocketChannel connection = server.accept()) {
            int sum = 0;
            ByteBuffer buffer = ByteBuffer.allocate(8192);
            for (int count = connection.read(buffer); count >= 0; count = connection.read(buffer.clear())) {
                sum += count;
            }
            return sum;
        }
    }

    @Override
    public void close() throws IOException {
        for (SocketChannel client : clients) {
            client.close();
        }
        server.close();
    }
}
