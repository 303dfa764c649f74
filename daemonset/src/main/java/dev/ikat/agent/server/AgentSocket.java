package dev.ikat.agent.server;

import dev.ikat.files.OwnFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import jnr.unixsocket.Credentials;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketAddress;

/**
 * The listening socket {@code agent.sock} and its name in the run directory. The socket is 0600 from the moment it has
 * its name; the name is taken away only while it is this socket's.
 */
final class AgentSocket {
    /** The socket's name in the run directory. */
    static final String NAME = "agent.sock";

    private static final int BACKLOG = 512;
    /** {@code sun_path} (linux/un.h), without the terminating zero. */
    private static final int MAX_PATH = 107;

    private final Path path;
    private final UnixServerSocketChannel channel;
    private final Optional<Object> identity;

    private AgentSocket(Path path, UnixServerSocketChannel channel, Optional<Object> identity) {
        this.path = path;
        this.channel = channel;
        this.identity = identity;
    }

    /** Listens; the caller holds the directory's {@link AgentLock}, so that what has the name now can be replaced. */
    static AgentSocket bind(Path runDirectory) throws IOException {
        requireShortPath(runDirectory);
        Path path = runDirectory.resolve(NAME);
        // Under another name until its permissions are right; the name then moves over whatever was left there.
        Path unfinished = unfinished(runDirectory);
        Files.deleteIfExists(unfinished);
        UnixServerSocketChannel channel = UnixServerSocketChannel.open();
        try {
            channel.configureBlocking(false);
            channel.socket().bind(new UnixSocketAddress(unfinished.toFile()), BACKLOG);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rw-------"));
            Optional<Object> identity = OwnFile.identity(unfinished);
            Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE);
            return new AgentSocket(path, channel, identity);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** @throws IllegalArgumentException if a socket in the directory would have too long a path */
    static void requireShortPath(Path runDirectory) {
        Path longest = unfinished(runDirectory);
        if (longest.toString().getBytes(StandardCharsets.UTF_8).length > MAX_PATH) {
            throw new IllegalArgumentException("the path of a Unix socket has at most " + MAX_PATH + " bytes; "
                    + longest + " is longer, so choose a shorter --run-dir");
        }
    }

    private static Path unfinished(Path runDirectory) {
        return runDirectory.resolve(NAME + ".new");
    }

    /** Who listens on the directory's socket now; empty if nobody does. */
    static Optional<Credentials> owner(Path runDirectory) throws IOException {
        Path path = runDirectory.resolve(NAME);
        return Files.exists(path) ? HostClaim.holder(new UnixSocketAddress(path.toFile())) : Optional.empty();
    }

    UnixServerSocketChannel channel() {
        return channel;
    }

    Path path() {
        return path;
    }

    /** Whether who connects to the name reaches this socket. */
    boolean isInPlace() {
        try {
            return identity.isPresent() && OwnFile.identity(path).equals(identity);
        } catch (IOException e) {
            return false;
        }
    }

    /** Takes the name away, so that launchers find nobody rather than silence. */
    void removeName() throws IOException {
        if (isInPlace()) {
            Files.deleteIfExists(path);
        }
    }
}
