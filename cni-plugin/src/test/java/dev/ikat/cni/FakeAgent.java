package dev.ikat.cni;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Serves one connection: reads a frame, sends the given pieces one by one, whatever they are, and hangs up. */
final class FakeAgent implements AutoCloseable {
    private final ServerSocketChannel server;
    private final CompletableFuture<byte[]> request = new CompletableFuture<>();

    FakeAgent(Path socket, byte[]... answer) throws IOException {
        this(socket, true, answer);
    }

    private FakeAgent(Path socket, boolean reads, byte[]... answer) throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        Thread.ofPlatform().daemon().name("fake agent").start(() -> serve(reads, answer));
    }

    /** An agent that closes the connection as soon as it is there. */
    static FakeAgent thatHangsUp(Path socket) throws IOException {
        return new FakeAgent(socket, false);
    }

    private void serve(boolean reads, byte[]... answer) {
        try (SocketChannel connection = server.accept()) {
            if (reads) {
                DataInputStream in = new DataInputStream(Channels.newInputStream(connection));
                request.complete(in.readNBytes(in.readInt()));
            }
            for (byte[] piece : answer) {
                ByteBuffer buffer = ByteBuffer.wrap(piece);
                while (buffer.hasRemaining()) {
                    connection.write(buffer);
                }
            }
        } catch (IOException e) {
            request.completeExceptionally(e);
        }
    }

    /** The payload of the frame that was sent. */
    byte[] request() throws Exception {
        return request.get(10, TimeUnit.SECONDS);
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
