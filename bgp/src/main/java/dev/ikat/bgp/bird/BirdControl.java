package dev.ikat.bgp.bird;

import java.io.ByteArrayOutputStream;
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

/** Commands to BIRD by its control socket, as birdc(8) sends them; a connection for each. */
final class BirdControl {
    /** What BIRD says first. */
    private static final int WELCOME = 1;

    private static final int POLL_MILLIS = 200;
    private static final int MOST_BYTES = 16 << 20;

    private final Path socket;
    private final Duration limit;

    /** @param limit how long an answer may take */
    BirdControl(Path socket, Duration limit) {
        this.socket = socket;
        this.limit = limit;
    }

    /**
     * Sends a command, and waits for all of the answer.
     *
     * @param command one line
     * @throws SocketTimeoutException if there is no answer in time
     * @throws IOException if nobody listens at the socket, or the connection breaks
     */
    BirdReply ask(String command) throws IOException {
        if (command.chars().anyMatch(c -> c < ' ')) {
            throw new IllegalArgumentException("a command is one line");
        }
        long deadline = System.nanoTime() + limit.toNanos();
        try (UnixSocketChannel channel = UnixSocketChannel.open(new UnixSocketAddress(socket.toFile()))) {
            channel.setOption(UnixSocketOptions.SO_RCVTIMEO, POLL_MILLIS);
            Lines lines = new Lines(channel, deadline);
            BirdReply welcome = lines.reply();
            if (welcome.code() != WELCOME) {
                throw new IOException("whoever answers at " + socket + " is not BIRD: " + welcome.words());
            }
            ByteBuffer request = ByteBuffer.wrap((command + "\n").getBytes(StandardCharsets.UTF_8));
            while (request.hasRemaining()) {
                channel.write(request);
            }
            return lines.reply();
        } catch (IllegalArgumentException e) {
            throw new IOException("BIRD's answer at " + socket + " can't be read: " + e.getMessage(), e);
        }
    }

    /** What comes on a connection, line by line. */
    private static final class Lines {
        private final UnixSocketChannel channel;
        private final long deadline;
        private final ByteBuffer buffer = ByteBuffer.allocate(1 << 14).flip();
        private int bytes;

        Lines(UnixSocketChannel channel, long deadline) {
            this.channel = channel;
            this.deadline = deadline;
        }

        BirdReply reply() throws IOException {
            BirdReply.Gatherer reply = new BirdReply.Gatherer();
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            while (!reply.isWhole()) {
                byte next = next();
                if (next == '\n') {
                    reply.add(line.toString(StandardCharsets.UTF_8));
                    line.reset();
                } else {
                    line.write(next);
                }
            }
            return reply.reply();
        }

        private byte next() throws IOException {
            while (!buffer.hasRemaining()) {
                buffer.clear();
                int count = channel.read(buffer);
                buffer.flip();
                if (count < 0) {
                    throw new EOFException("BIRD closed the connection before its answer was whole");
                }
                if (count == 0 && System.nanoTime() - deadline > 0) {
                    throw new SocketTimeoutException("BIRD did not answer in time");
                }
                bytes += count;
                if (bytes > MOST_BYTES) {
                    throw new IOException("BIRD's answer is longer than " + MOST_BYTES + " bytes");
                }
            }
            return buffer.get();
        }
    }
}
