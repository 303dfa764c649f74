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
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Serves one connection: reads a frame, sends the given pieces one by one, whatever they are, and hangs up. */
final class FakeAgent implements AutoCloseable {
    private final ServerSocketChannel server;
    private final CompletableFuture<byte[]> request = new CompletableFuture<>();

    FakeAgent(Path socket, byte[]... answer) throws IOException {
        this(socket, true, Duration.ZERO, answer);
    }

    private FakeAgent(Path socket, boolean reads, Duration pause, byte[]... answer) throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        Thread.ofPlatform().daemon().name("fake agent").start(() -> serve(reads, pause, answer));
    }

    /** An agent that closes the connection as soon as it is there. */
    static FakeAgent thatHangsUp(Path socket) throws IOException {
        return new FakeAgent(socket, false, Duration.ZERO);
    }

    /** An agent that takes what it is sent, and says a byte now and then of an answer that it does not finish. */
    static FakeAgent thatDribbles(Path socket) throws IOException {
        byte[][] answer = new byte[1000][];
        Arrays.fill(answer, new byte[1]);
        answer[0] = new byte[] {0, 1, 0, 0};
        return new FakeAgent(socket, true, Duration.ofMillis(100), answer);
    }

    private void serve(boolean reads, Duration pause, byte[]... answer) {
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
                Thread.sleep(pause);
            }
        } catch (IOException | InterruptedException e) {
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
