package dev.ikat.agent.server;

import dev.ikat.cni.LastAgent;
import dev.ikat.files.OwnDirectory;
import dev.ikat.files.OwnFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import jnr.unixsocket.Credentials;
import org.jspecify.annotations.Nullable;

/**
 * Ensures that each run directory, and each network namespace, has at most one agent. It holds a lock on
 * {@code agent.lock}, which the kernel releases when the process ends, however it ends; and, because a file can be
 * removed, a {@link HostClaim}, which can't. The file stays when the agent ends: if it were removed, two agents could
 * lock two files of the same name.
 */
public final class AgentLock implements AutoCloseable {
    private static final String NAME = LastAgent.FILE;

    private final Path runDirectory;
    private final HostClaim claim;
    private FileChannel channel;
    private Optional<Object> identity;

    private AgentLock(Path runDirectory, HostClaim claim, FileChannel channel, Optional<Object> identity) {
        this.runDirectory = runDirectory;
        this.claim = claim;
        this.channel = channel;
        this.identity = identity;
    }

    /**
     * Creates the run directory (0700) if necessary, and takes its lock and the calling thread's network namespace.
     *
     * @throws AgentRunningException if another agent has either
     * @throws UncheckedIOException if the directory or the file cannot be created, or users other than root could
     *     change them
     */
    public static AgentLock acquire(Path runDirectory) {
        AgentSocket.requireShortPath(runDirectory);
        FileChannel channel = null;
        HostClaim claim = null;
        try {
            OwnDirectory.prepare(runDirectory);
            channel = lock(runDirectory);
            Path claimed = runDirectory.toRealPath();
            claim = HostClaim.make(claimed);
            HostClaim.Other other = claim.other().orElse(null);
            if (other != null) {
                throw new AgentRunningException(runDirectory, other.runDirectory(), process(other.process()));
            }
            // One whose lock file was removed; it may be of a version without a claim.
            Credentials listening = AgentSocket.owner(runDirectory).orElse(null);
            if (listening != null) {
                throw new AgentRunningException(runDirectory, claimed, process(listening.getPid()));
            }
            AgentLock lock = new AgentLock(runDirectory, claim, channel, OwnFile.identity(runDirectory.resolve(NAME)));
            lock.writeProcess();
            return lock;
        } catch (IOException e) {
            close(channel, claim, e);
            throw new UncheckedIOException("can't take the run directory " + runDirectory + ": " + reason(e), e);
        } catch (RuntimeException e) {
            close(channel, claim, e);
            throw e;
        }
    }

    private static String reason(IOException e) {
        return e.getClass() == IOException.class ? String.valueOf(e.getMessage()) : e.toString();
    }

    private static String process(int pid) {
        return pid > 0 ? Integer.toString(pid) : "";
    }

    /** The lock file, opened and locked. */
    private static FileChannel lock(Path runDirectory) throws IOException {
        FileChannel channel = OwnFile.open(runDirectory.resolve(NAME));
        try {
            if (tryLock(channel) == null) {
                throw new AgentRunningException(runDirectory, runDirectory, read(channel));
            }
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
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

    private void writeProcess() throws IOException {
        channel.truncate(0);
        channel.write(
                ByteBuffer.wrap(Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)), 0);
    }

    /** Whether the lock file under the directory's name is the locked one. */
    public synchronized boolean isInPlace() {
        try {
            return identity.isPresent()
                    && OwnFile.identity(runDirectory.resolve(NAME)).equals(identity);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Restores the directory and the lock file after somebody removed them.
     *
     * @throws AgentRunningException if another agent has locked the file that is there now
     * @throws IOException if they can't be created
     */
    public synchronized void restore() throws IOException {
        OwnDirectory.prepare(runDirectory);
        FileChannel former = channel;
        channel = lock(runDirectory);
        former.close();
        identity = OwnFile.identity(runDirectory.resolve(NAME));
        writeProcess();
    }

    /**
     * Closes the connections of processes that ask whether this agent is running; has to be called from time to time.
     */
    public void answerClaims() throws IOException {
        claim.answer();
    }

    /** Has the file say that the agent is at work; has to be called from time to time. */
    public synchronized void renew() throws IOException {
        if (isInPlace()) {
            new LastAgent(runDirectory, Clock.systemUTC()).renew();
        }
    }

    private static void close(@Nullable FileChannel channel, @Nullable HostClaim claim, Exception failure) {
        try (channel;
                claim) {
            return;
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public synchronized void close() {
        try {
            renew();
            claim.close();
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
