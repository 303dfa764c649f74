package dev.ikat.agent.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.random.RandomGenerator;
import jnr.unixsocket.Credentials;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells everybody in the network namespace that an agent lives there, and with which run directory: a Unix socket in
 * the abstract namespace, {@code @ikat:<8 hex digits>:<run directory>} in {@code /proc/net/unix}. No file has to be
 * there for it, nobody can remove it, and the kernel takes it away with the process that holds it (unix(7)).
 *
 * <p>Anybody may bind such a name, so only the claims of root's processes count. The digits are random, so that nobody
 * can have taken the name before.
 */
final class HostClaim implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostClaim.class);
    private static final String PREFIX = "ikat:";
    private static final int BACKLOG = 128;

    private final UnixServerSocketChannel channel;
    private final String name;

    /**
     * An agent that lives in this network namespace.
     *
     * @param process its number, 0 where it is in no namespace of this process
     */
    record Other(Path runDirectory, int process) {}

    private HostClaim(UnixServerSocketChannel channel, String name) {
        this.channel = channel;
        this.name = name;
    }

    /** Claims the calling thread's network namespace, whoever else does, too. */
    static HostClaim make(Path runDirectory) throws IOException {
        String name = PREFIX + "%08x".formatted(RandomGenerator.getDefault().nextInt()) + ":" + runDirectory;
        if (!name.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IOException(
                    "the path of a run directory has to consist of letters, digits and other printable ASCII "
                            + "characters without spaces; choose another --run-dir");
        }
        UnixServerSocketChannel channel = UnixServerSocketChannel.open();
        try {
            channel.configureBlocking(false);
            channel.socket().bind(new UnixSocketAddress("\0" + name), BACKLOG);
            return new HostClaim(channel, name);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /**
     * Another agent in the calling thread's network namespace. Of two that claim at once and then ask, at least one is
     * told of the other.
     */
    Optional<Other> other() throws IOException {
        String sockets = Files.readString(Path.of("/proc/thread-self/net/unix"), StandardCharsets.ISO_8859_1);
        for (String line : sockets.split("\n", -1)) {
            int start = line.indexOf(" @" + PREFIX);
            String claim = start < 0 ? "" : line.substring(start + 2);
            int directory = claim.indexOf(':', PREFIX.length()) + 1;
            if (directory > 0 && !claim.equals(name)) {
                Optional<Credentials> holder = holder(new UnixSocketAddress("\0" + claim));
                if (holder.isPresent() && holder.get().getUid() == 0) {
                    return Optional.of(new Other(
                            Path.of(claim.substring(directory)), holder.get().getPid()));
                }
                holder.ifPresent(credentials -> LOG.atWarn()
                        .addKeyValue("socket", claim)
                        .addKeyValue("uid", credentials.getUid())
                        .addKeyValue("reason", "only root runs agents")
                        .log("claim-ignored"));
            }
        }
        return Optional.empty();
    }

    /** Who listens there: empty if nobody does any more, or so many ask that it can't be told. */
    static Optional<Credentials> holder(UnixSocketAddress address) throws IOException {
        try (UnixSocketChannel connection = UnixSocketChannel.create()) {
            connection.configureBlocking(false);
            return connect(connection, address)
                    ? Optional.of(connection.getOption(UnixSocketOptions.SO_PEERCRED))
                    : Optional.empty();
        }
    }

    private static boolean connect(UnixSocketChannel connection, UnixSocketAddress address) {
        try {
            return connection.connect(address);
        } catch (IOException e) {
            // Nobody has this name, or nobody listens behind it any more: what a dead agent left.
            return false;
        }
    }

    /** Lets go of those who have asked who this is: the kernel has told them, and only so many fit into its queue. */
    void answer() throws IOException {
        UnixSocketChannel asking;
        while ((asking = channel.accept()) != null) {
            asking.close();
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
