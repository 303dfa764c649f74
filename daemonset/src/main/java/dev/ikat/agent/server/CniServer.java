package dev.ikat.agent.server;

import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.netlink.NetworkNamespace;
import java.io.IOError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import jnr.enxio.channels.NativeSelectorProvider;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the launcher on {@code agent.sock} in the run directory. The socket is 0600 from the moment it has its name,
 * and every connection's credentials are checked besides. Whoever makes a server holds the directory's
 * {@link AgentLock}: only so is it safe to replace a socket that an earlier agent left.
 *
 * <p>Connections are read by a bounded number of platform threads (the native calls would pin virtual ones). A request
 * has arrived when its last byte has; requests of one container run in that order.
 */
public final class CniServer implements AutoCloseable {
    /** The socket's name in the run directory. */
    public static final String SOCKET = "agent.sock";

    private static final Logger LOG = LoggerFactory.getLogger(CniServer.class);
    private static final int BACKLOG = 512;
    /** Connections that may wait, accepted, for a thread; further ones wait in the kernel's backlog. */
    private static final int MAX_PENDING = 1024;
    /** {@code sun_path} (linux/un.h), without the terminating zero. */
    private static final int MAX_SOCKET_PATH = 107;
    /** The launcher has everything at hand when it connects; only a stuck one takes this long. */
    private static final Duration TRANSFER_LIMIT = Duration.ofSeconds(5);

    private static final int POLL_MILLIS = 1000;

    private final Path socket;
    private final Function<CniRequest, CniResponse> handler;
    private final ContainerLanes lanes;
    private final UnixServerSocketChannel channel;
    private final Selector selector;
    private final ThreadPoolExecutor workers;
    private final Semaphore pending = new Semaphore(MAX_PENDING);
    private final Thread acceptor;
    private final AtomicBoolean stopping = new AtomicBoolean();

    private CniServer(
            Path socket,
            Function<CniRequest, CniResponse> handler,
            ContainerLanes lanes,
            int threads,
            UnixServerSocketChannel channel,
            Selector selector) {
        this.socket = socket;
        this.handler = handler;
        this.lanes = lanes;
        this.channel = channel;
        this.selector = selector;
        this.workers = new ThreadPoolExecutor(
                threads, threads, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), NetworkNamespace.threads("cni-"));
        this.workers.allowCoreThreadTimeOut(true);
        this.acceptor = Thread.ofPlatform().name("cni-accept").unstarted(this::accept);
    }

    /**
     * Listens, and answers from then on.
     *
     * @param runDirectory where the socket is made; the caller holds its lock
     * @param handler answers a request; called from several threads, never twice at once for one container
     * @param lanes the order of what is done to one container
     * @param threads how many requests are handled at once
     * @throws UncheckedIOException if the socket cannot be made
     */
    public static CniServer start(
            Path runDirectory, Function<CniRequest, CniResponse> handler, ContainerLanes lanes, int threads) {
        Path socket = runDirectory.resolve(SOCKET);
        // Under another name until its permissions are right; the name then moves over whatever was left there.
        Path unfinished = runDirectory.resolve(SOCKET + ".new");
        if (unfinished.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH) {
            throw new IllegalArgumentException("the path of a Unix socket has at most " + MAX_SOCKET_PATH + " bytes; "
                    + unfinished + " is longer, so choose a shorter --run-dir");
        }
        try {
            Files.deleteIfExists(unfinished);
            UnixServerSocketChannel channel = UnixServerSocketChannel.open();
            channel.configureBlocking(false);
            channel.socket().bind(new UnixSocketAddress(unfinished.toFile()), BACKLOG);
            Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rw-------"));
            Selector selector = NativeSelectorProvider.getInstance().openSelector();
            channel.register(selector, SelectionKey.OP_ACCEPT);
            Files.move(unfinished, socket, StandardCopyOption.ATOMIC_MOVE);
            CniServer server = new CniServer(socket, handler, lanes, threads, channel, selector);
            server.acceptor.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException("can't listen on " + socket + ": " + e, e);
        }
    }

    private void accept() {
        try {
            while (!stopping.get()) {
                selector.select();
                selector.selectedKeys().clear();
                UnixSocketChannel connection;
                while (!stopping.get() && (connection = acceptOne()) != null) {
                    UnixSocketChannel accepted = connection;
                    pending.acquireUninterruptibly();
                    workers.execute(() -> {
                        pending.release();
                        serve(accepted);
                    });
                }
            }
        } catch (IOException e) {
            if (!stopping.get()) {
                // An agent that nobody can reach is worse than one that is started again.
                throw new IOError(new IOException("can't accept on " + socket + ": " + e.getMessage(), e));
            }
        }
    }

    private @Nullable UnixSocketChannel acceptOne() throws IOException {
        try {
            return channel.accept();
        } catch (IOException e) {
            if (stopping.get()) {
                return null;
            }
            // Out of descriptors, most likely: those in use are given back as requests end.
            LOG.warn("event=accept-failed socket={} error=\"{}\" retry=100ms", socket, e.toString());
            try {
                Thread.sleep(100);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            return null;
        }
    }

    /** The connection is closed by whoever answers it, which may be the thread that has the container's lane. */
    private void serve(UnixSocketChannel connection) {
        try {
            connection.setOption(UnixSocketOptions.SO_RCVTIMEO, POLL_MILLIS);
            connection.setOption(UnixSocketOptions.SO_SNDTIMEO, POLL_MILLIS);
            int uid = connection.getOption(UnixSocketOptions.SO_PEERCRED).getUid();
            if (uid != 0) {
                LOG.warn("event=peer-refused uid={} reason=\"only root may ask\"", uid);
                close(connection);
                return;
            }
            CniRequest request = LauncherProtocol.read(connection, TRANSFER_LIMIT);
            String container = request.variable("CNI_CONTAINERID");
            if (container.isEmpty()) {
                answer(connection, request);
            } else {
                lanes.run(container, () -> answer(connection, request));
            }
        } catch (IOException e) {
            LOG.warn("event=request-unreadable error=\"{}\"", e.getMessage());
            close(connection);
        }
    }

    private void answer(UnixSocketChannel connection, CniRequest request) {
        long start = System.nanoTime();
        try {
            CniResponse answer = handler.apply(request);
            LauncherProtocol.write(connection, answer, TRANSFER_LIMIT);
            LOG.info(
                    "event=answered verb={} container={} interface={} exit={} micros={}",
                    request.variable("CNI_COMMAND"),
                    request.variable("CNI_CONTAINERID"),
                    request.variable("CNI_IFNAME"),
                    answer.exitCode(),
                    (System.nanoTime() - start) / 1000);
        } catch (IOException e) {
            // The runtime gave up; it will send DEL, as the specification has it.
            LOG.warn(
                    "event=answer-lost verb={} container={} interface={} error=\"{}\"",
                    request.variable("CNI_COMMAND"),
                    request.variable("CNI_CONTAINERID"),
                    request.variable("CNI_IFNAME"),
                    e.getMessage());
        } finally {
            close(connection);
        }
    }

    private static void close(UnixSocketChannel connection) {
        try {
            connection.close();
        } catch (IOException e) {
            LOG.debug("event=close-failed error=\"{}\"", e.toString());
        }
    }

    /**
     * Stops accepting and takes the socket's name away, so that launchers find nobody rather than silence; then waits
     * until everything that was accepted is answered.
     *
     * @param limit how long to wait at most
     * @return whether everything was answered
     */
    public boolean stop(Duration limit) {
        if (stopping.compareAndSet(false, true)) {
            try {
                Files.deleteIfExists(socket);
                selector.wakeup();
                acceptor.join(limit);
                selector.close();
                channel.close();
            } catch (IOException e) {
                LOG.warn("event=stop-incomplete socket={} error=\"{}\"", socket, e.toString());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            workers.shutdown();
        }
        try {
            return workers.awaitTermination(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** {@link #stop} within ten seconds. */
    @Override
    public void close() {
        stop(Duration.ofSeconds(10));
    }
}
