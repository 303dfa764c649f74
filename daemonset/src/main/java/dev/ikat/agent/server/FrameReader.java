package dev.ikat.agent.server;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import java.util.Optional;

/**
 * One request's frame, as it comes in. It takes memory for what has come, and not for what the frame's length says that
 * there will be.
 */
final class FrameReader {
    private static final int FIRST = 4096;

    private final ByteBuffer header = ByteBuffer.allocate(Integer.BYTES);
    private ByteBuffer body = ByteBuffer.allocate(0);
    private int length;

    /**
     * Reads what is there.
     *
     * @return the frame without its length, once all of it has come
     * @throws ProtocolException if it is too long
     * @throws IOException if the connection ends or breaks before it is complete
     */
    Optional<byte[]> read(ReadableByteChannel channel) throws IOException {
        if (header.hasRemaining()) {
            fill(channel, header);
            if (header.hasRemaining()) {
                return Optional.empty();
            }
            int said = header.getInt(0);
            if (said < 1 || said > LauncherProtocol.MAX_PAYLOAD) {
                throw new ProtocolException("a request has 1 to " + LauncherProtocol.MAX_PAYLOAD
                        + " bytes, but this one claims " + Integer.toUnsignedString(said));
            }
            length = said;
            body = ByteBuffer.allocate(Math.min(length, FIRST));
        }
        while (fill(channel, body)) {
            if (body.capacity() == length) {
                return Optional.of(body.array());
            }
            body = ByteBuffer.wrap(Arrays.copyOf(body.array(), Math.min(length, 2 * body.capacity())))
                    .position(body.capacity());
        }
        return Optional.empty();
    }

    /** Whether it is full; it is not where nothing more is there for now. */
    private boolean fill(ReadableByteChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer);
            if (count < 0) {
                throw new ProtocolException("the connection ended");
            }
            if (count == 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether nothing has come yet. */
    boolean isEmpty() {
        return header.position() == 0;
    }

    /** How much memory it takes. */
    int size() {
        return body.capacity();
    }

    /** How far it has got, in words. */
    String progress() {
        return header.hasRemaining()
                ? header.position() + " of " + Integer.BYTES + " bytes of its length"
                : body.position() + " of " + length + " bytes";
    }
}
