package dev.ikat.agent.server;

import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
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
     * What a request's bytes say.
     *
     * @throws ProtocolException if they are malformed
     */
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

    /** An answer with its length, to be sent as it is. */
    static ByteBuffer frame(CniResponse answer) {
        int length = Integer.BYTES + answer.stdout().length;
        return ByteBuffer.allocate(Integer.BYTES + length)
                .putInt(length)
                .putInt(answer.exitCode())
                .put(answer.stdout())
                .flip();
    }
}
