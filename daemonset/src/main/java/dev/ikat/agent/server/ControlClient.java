package dev.ikat.agent.server;

import dev.ikat.cni.CniResponse;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;

/**
 * Sends a question to this node's agent, by the same socket and frames as CNI requests. The question is the variable
 * {@link #QUESTION}, which the launcher can't send because it passes on only CNI_* variables.
 */
public final class ControlClient {
    /** The variable whose value is the question. */
    public static final String QUESTION = "IKAT_QUESTION";

    private static final int MAX_ANSWER = 16 << 20;
    private static final int POLL_MILLIS = 250;

    private ControlClient() {}

    /**
     * Asks, and waits for the answer.
     *
     * @param runDirectory the agent's
     * @throws SocketTimeoutException if there is no answer within {@code limit}
     * @throws IOException if no agent listens there, or the connection breaks
     */
    public static CniResponse ask(Path runDirectory, String question, Duration limit) throws IOException {
        long deadline = System.nanoTime() + limit.toNanos();
        UnixSocketAddress address =
                new UnixSocketAddress(runDirectory.resolve(CniServer.SOCKET).toFile());
        try (UnixSocketChannel channel = UnixSocketChannel.open(address)) {
            channel.setOption(UnixSocketOptions.SO_RCVTIMEO, POLL_MILLIS);
            // After the variable's zero byte one more, and no standard input.
            byte[] variable = (QUESTION + "=" + question + "\0\0").getBytes(StandardCharsets.UTF_8);
            ByteBuffer request = ByteBuffer.allocate(Integer.BYTES + variable.length)
                    .putInt(variable.length)
                    .put(variable)
                    .flip();
            while (request.hasRemaining()) {
                channel.write(request);
            }
            int length = read(channel, Integer.BYTES, deadline).getInt();
            if (length < Integer.BYTES || length > MAX_ANSWER) {
                throw new IOException("the agent's answer claims an invalid length of " + length + " bytes");
            }
            ByteBuffer answer = read(channel, length, deadline);
            int exitCode = answer.getInt();
            byte[] text = new byte[answer.remaining()];
            answer.get(text);
            return new CniResponse(exitCode, text);
        }
    }

    private static ByteBuffer read(UnixSocketChannel channel, int length, long deadline) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer);
            if (count < 0) {
                throw new EOFException("the agent closed the connection without an answer; its log says why");
            }
            if (count == 0 && System.nanoTime() - deadline > 0) {
                throw new SocketTimeoutException("the agent did not answer in time");
            }
        }
        return buffer.flip();
    }
}
