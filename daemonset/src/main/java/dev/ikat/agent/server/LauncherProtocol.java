package dev.ikat.agent.server;

import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * The frames between launcher and agent: a 32-bit big-endian length, then so many bytes.
 *
 * <p>A request's bytes are {@code NAME=value} and a zero byte for each CNI_* variable, one more zero byte, and stdin to
 * the end. An answer's bytes are the exit code (32 bits, big-endian) and stdout. The C launcher (cni-plugin/src/main/c)
 * is the other end.
 */
final class LauncherProtocol {
    /** A network configuration of more than 1 MiB is a mistake, and must not cost the agent its memory. */
    static final int MAX_PAYLOAD = 1 << 20;

    private LauncherProtocol() {}

    /**
     * Reads one request. The channel is expected to return 0 from time to time where nothing arrives.
     *
     * @throws SocketTimeoutException if it is not complete after {@code limit}
     * @throws ProtocolException if it is malformed or too long
     * @throws IOException if the connection ends or breaks before it is complete
     */
    static CniRequest read(ReadableByteChannel channel, Duration limit) throws IOException {
        long deadline = System.nanoTime() + limit.toNanos();
        int length = fill(channel, ByteBuffer.allocate(Integer.BYTES), deadline).getInt();
        if (length < 1 || length > MAX_PAYLOAD) {
            throw new ProtocolException(
                    "a request has 1 to " + MAX_PAYLOAD + " bytes, this one says " + Integer.toUnsignedString(length));
        }
        return parse(fill(channel, ByteBuffer.allocate(length), deadline).array());
    }

    private static ByteBuffer fill(ReadableByteChannel channel, ByteBuffer buffer, long deadline) throws IOException {
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer);
            if (count < 0) {
                throw new ProtocolException("the connection ended after " + buffer.position() + " of "
                        + buffer.capacity() + " expected bytes");
            }
            if (count == 0 && System.nanoTime() - deadline > 0) {
                throw new SocketTimeoutException("only " + buffer.position() + " of " + buffer.capacity()
                        + " expected bytes arrived within the time limit");
            }
        }
        return buffer.flip();
    }

    static CniRequest parse(byte[] payload) throws ProtocolException {
        Map<String, String> environment = new HashMap<>();
        int start = 0;
        while (true) {
            int end = start;
            while (end < payload.length && payload[end] != 0) {
                end++;
            }
            if (end == payload.length) {
                throw new ProtocolException("the variables do not end with a zero byte");
            }
            if (end == start) {
                byte[] stdin = new byte[payload.length - end - 1];
                System.arraycopy(payload, end + 1, stdin, 0, stdin.length);
                return new CniRequest(environment, stdin);
            }
            String variable = new String(payload, start, end - start, StandardCharsets.UTF_8);
            int equals = variable.indexOf('=');
            if (equals < 1) {
                throw new ProtocolException("variable '" + variable + "' has no name or no value");
            }
            environment.put(variable.substring(0, equals), variable.substring(equals + 1));
            start = end + 1;
        }
    }

    /**
     * Writes one answer. The channel is expected to return 0 from time to time where nobody reads.
     *
     * @throws SocketTimeoutException if it is not taken within {@code limit}
     * @throws IOException if the connection breaks
     */
    static void write(WritableByteChannel channel, CniResponse answer, Duration limit) throws IOException {
        long deadline = System.nanoTime() + limit.toNanos();
        int length = Integer.BYTES + answer.stdout().length;
        ByteBuffer frame = ByteBuffer.allocate(Integer.BYTES + length)
                .putInt(length)
                .putInt(answer.exitCode())
                .put(answer.stdout())
                .flip();
        while (frame.hasRemaining()) {
            if (channel.write(frame) == 0 && System.nanoTime() - deadline > 0) {
                throw new SocketTimeoutException("the answer was not taken within the time limit");
            }
        }
    }
}
