package dev.ikat.agent.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * At most one agent a run directory: a lock on {@code agent.lock}, which the kernel drops with the process that holds
 * it, however that ends. The file itself stays; removing it could let two agents lock two files of one name.
 */
public final class AgentLock implements AutoCloseable {
    private final FileChannel channel;

    private AgentLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Makes the run directory (0700) if need be, and takes its lock.
     *
     * @throws AgentRunningException if another agent has it
     * @throws UncheckedIOException if the directory or the file cannot be made
     */
    public static AgentLock acquire(Path runDirectory) {
        Path file = runDirectory.resolve("agent.lock");
        FileChannel channel = null;
        try {
            if (!Files.isDirectory(runDirectory)) {
                Files.createDirectories(runDirectory);
                Files.setPosixFilePermissions(runDirectory, PosixFilePermissions.fromString("rwx------"));
            }
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            if (tryLock(channel) == null) {
                AgentRunningException running = new AgentRunningException(runDirectory, read(channel));
                channel.close();
                throw running;
            }
            channel.truncate(0);
            channel.write(
                    ByteBuffer.wrap(Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)),
                    0);
            return new AgentLock(channel);
        } catch (IOException e) {
            throw new UncheckedIOException("can't take the lock " + file + ": " + e, e);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another agent in this very process, as in tests
        }
    }

    private static String read(FileChannel channel) throws IOException {
        ByteBuffer content = ByteBuffer.allocate(20);
        channel.read(content, 0);
        return new String(content.array(), 0, content.position(), StandardCharsets.US_ASCII);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
