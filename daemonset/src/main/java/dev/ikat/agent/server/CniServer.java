package dev.ikat.agent.server;

import dev.ikat.agent.server.Transfers.Answer;
import dev.ikat.agent.server.Transfers.Transfer;
import dev.ikat.cni.CniRequest;
import dev.ikat.netlink.namespace.NetworkNamespace;
import java.io.IOError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import jnr.enxio.channels.NativeSelectorProvider;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the launcher on {@code agent.sock} in the run directory, and checks every connection's credentials. Whoever
 * creates a server holds the directory's {@link AgentLock}: otherwise it would not be safe to replace a socket that an
 * earlier agent left.
 *
 * <p>One thread accepts, reads requests and writes the rest of answers, for all connections at once and without waiting
 * for any. Only a complete request occupies one of the limited number of platform threads that handle requests (the
 * native calls would pin virtual ones). A request has arrived when its last byte has; requests of one container run in
 * that order.
 */
public final class CniServer implements AutoCloseable {
    /** The socket's name in the run directory. */
    public static final String SOCKET = AgentSocket.NAME;

    private static final Logger LOG = LoggerFactory.getLogger(CniServer.class);
    /** The launcher has everything at hand when it connects; only a stuck one takes this long. */
    private static final Duration TRANSFER_LIMIT = Duration.ofSeconds(5);

    private static final int MAX_TRANSFERS = 512;
    private static final long MAX_TRANSFER_BYTES = 16 << 20;
    /** Requests that may wait for a thread; connections beyond that wait in the kernel's backlog. */
    private static final int MAX_WAITING = 1024;

    private static final long MAX_WAITING_BYTES = 16 << 20;
    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(100);

    private final Path runDirectory;
    private final Function<CniRequest, Reply> handler;
    private final ContainerLanes lanes;
    private final Selector selector;
    private final ThreadPoolExecutor workers;
    private final Thread thread;
    /** What other threads have the selector's thread do. */
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();

    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicLong waitingBytes = new AtomicLong();
    private final AtomicBoolean stopping = new AtomicBoolean();
    private volatile AgentSocket socket;
    private volatile boolean accepting = true;
    /** Only the selector's thread uses what follows. */
    private final Transfers transfers;

    private @Nullable SelectionKey listening;
    private long accepted;
    private long acceptAgain = System.nanoTime();

    private CniServer(
            Path runDirectory,
            Function<CniRequest, Reply> handler,
            ContainerLanes lanes,
            int threads,
            Transfers transfers,
            AgentSocket socket,
            Selector selector) {
        this.runDirectory = runDirectory;
        this.handler = handler;
        this.lanes = lanes;
        this.transfers = transfers;
        this.socket = socket;
        this.selector = selector;
        this.workers = new ThreadPoolExecutor(
                threads, threads, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), NetworkNamespace.threads("cni-"));
        this.workers.allowCoreThreadTimeOut(true);
        this.thread = Thread.ofPlatform().name("cni-select").unstarted(this::run);
    }

    /**
     * Listens, and answers from now on.
     *
     * @param runDirectory where the socket is created; the caller holds its lock
     * @param handler answers a request; called from several threads, but never twice at once for one container
     * @param lanes the order of the tasks of each container
     * @param threads how many requests are handled at the same time
     * @throws UncheckedIOException if the socket cannot be created
     */
    public static CniServer start(
            Path runDirectory, Function<CniRequest, Reply> handler, ContainerLanes lanes, int threads) {
        return start(
                runDirectory,
                handler,
                lanes,
                threads,
                new Transfers(TRANSFER_LIMIT, MAX_TRANSFERS, MAX_TRANSFER_BYTES));
    }

    static CniServer start(
            Path runDirectory,
            Function<CniRequest, Reply> handler,
            ContainerLanes lanes,
            int threads,
            Transfers transfers) {
        try {
            AgentSocket socket = AgentSocket.bind(runDirectory);
            Selector selector = NativeSelectorProvider.getInstance().openSelector();
            CniServer server = new CniServer(runDirectory, handler, lanes, threads, transfers, socket, selector);
            server.listening = socket.channel().register(selector, SelectionKey.OP_ACCEPT);
            server.thread.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "can't listen on " + runDirectory.resolve(SOCKET) + ": " + e.getMessage() + "; is " + runDirectory
                            + " a directory that root can write in?",
                    e);
        }
    }

    /** Whether a process that connects to the socket's name reaches this server. */
    public boolean isInPlace() {
        return socket.isInPlace();
    }

    /**
     * Restores the socket after somebody removed it; clients of the former one are still answered.
     *
     * @throws IOException if it can't be created
     */
    public void restore() throws IOException {
        AgentSocket former = socket;
        AgentSocket fresh = AgentSocket.bind(runDirectory);
        socket = fresh;
        inLoop(() -> {
            acceptAll(former);
            try {
                former.channel().close();
                listening = fresh.channel().register(selector, SelectionKey.OP_ACCEPT);
                accepting = true;
            } catch (IOException e) {
                throw unusable(e);
            }
        });
    }

    private void inLoop(Runnable task) {
        tasks.add(task);
        selector.wakeup();
    }

    private void run() {
        try {
            while (!isDone()) {
                selector.select(millisToWait());
                for (Runnable task; (task = tasks.poll()) != null; ) {
                    task.run();
                }
                advanceAll();
                selector.selectedKeys().clear();
                transfers
                        .tooLate(System.nanoTime())
                        .forEach(late -> giveUp(
                                late, "took longer than " + transfers.limit().toMillis() + " ms"));
                listenIfPossible();
            }
        } catch (IOException | RuntimeException e) {
            throw unusable(e);
        } finally {
            workers.shutdown();
        }
    }

    /** An agent that nobody can reach is worse than one that is started again. */
    private IOError unusable(Exception e) {
        return new IOError(new IOException("can't serve " + socket.path() + ": " + e, e));
    }

    /** 0 if there is nothing to wait for but connections and what they send. */
    private long millisToWait() {
        long now = System.nanoTime();
        long transfer = transfers.millisToWait(now);
        // Where there is no room, whoever makes some wakes the selector.
        long pause = accepting || !hasRoom() ? 0 : Math.max(0, acceptAgain - now) / 1_000_000 + 1;
        return transfer == 0 || pause == 0 ? transfer + pause : Math.min(transfer, pause);
    }

    private boolean isDone() {
        return stopping.get() && tasks.isEmpty() && transfers.isEmpty() && waiting.get() == 0;
    }

    /** Takes no more connections while there are more requests than threads get done, or descriptors have run out. */
    private void listenIfPossible() throws IOException {
        SelectionKey key = listening;
        if (key == null) {
            return;
        }
        if (stopping.get()) {
            key.cancel();
            socket.channel().close();
            listening = null;
            return;
        }
        boolean possible = hasRoom() && System.nanoTime() - acceptAgain >= 0;
        if (possible != accepting) {
            accepting = possible;
            key.interestOps(possible ? SelectionKey.OP_ACCEPT : 0);
        }
    }

    private boolean hasRoom() {
        return waiting.get() < MAX_WAITING && waitingBytes.get() < MAX_WAITING_BYTES;
    }

    private void advanceAll() throws IOException {
        boolean connections = selector.selectedKeys().stream()
                .anyMatch(key -> !(key.attachment() instanceof Transfer) && key.isValid());
        advanceReady(Long.MAX_VALUE);
        if (connections) {
            acceptAll(socket);
        }
    }

    /** Goes on with those that the selector found ready and that connected before the one with this number. */
    private void advanceReady(long number) {
        // Who connected first has mostly sent first, too, and the kernel does not tell.
        List<Transfer> ready = selector.selectedKeys().stream()
                .filter(key -> key.attachment() instanceof Transfer transfer && transfer.number < number)
                .map(key -> (Transfer) key.attachment())
                .sorted(Comparator.comparingLong(transfer -> transfer.number))
                .toList();
        for (Transfer transfer : ready) {
            // One that was read or given up meanwhile is another's, or closed.
            if (transfers.has(transfer)) {
                advance(transfer);
            }
        }
    }

    private void advance(Transfer transfer) {
        if (transfer.answer.isEmpty()) {
            read(transfer);
        } else {
            write(transfer, transfer.answer.get());
        }
    }

    private void acceptAll(AgentSocket from) {
        long before = accepted;
        try {
            UnixSocketChannel connection;
            while (hasRoom() && (connection = from.channel().accept()) != null) {
                admit(connection);
            }
        } catch (IOException e) {
            warn("accept-failed", from, e);
        }
        if (accepted == before) {
            // Out of descriptors, most likely: those in use are given back as requests end.
            acceptAgain = System.nanoTime() + ACCEPT_PAUSE.toNanos();
        }
    }

    private void admit(UnixSocketChannel connection) {
        try {
            connection.configureBlocking(false);
            int uid = connection.getOption(UnixSocketOptions.SO_PEERCRED).getUid();
            if (uid != 0) {
                LOG.atWarn()
                        .addKeyValue("uid", uid)
                        .addKeyValue("reason", "only root may ask")
                        .log("peer-refused");
                close(connection);
                return;
            }
        } catch (IOException e) {
            warn("accept-failed", socket, e);
            close(connection);
            return;
        }
        Transfer transfer = new Transfer(connection, accepted++);
        transfers.add(transfer, System.nanoTime());
        // Mostly the launcher has sent everything by now.
        if (read(transfer)) {
            register(transfer, SelectionKey.OP_READ);
        }
    }

    private void register(Transfer transfer, int operation) {
        try {
            transfer.channel.register(selector, operation, transfer);
        } catch (IOException e) {
            giveUp(transfer, e.toString());
        }
    }

    /** Reads what is there; whether more is to come. */
    private boolean read(Transfer transfer) {
        try {
            byte[] frame = transfer.request.read(transfer.incoming).orElse(null);
            if (frame == null) {
                transfers.count(transfer);
                giveUpExcess();
                return transfer.channel.isOpen();
            }
            CniRequest request = LauncherProtocol.parse(frame);
            transfers.remove(transfer);
            request = request.in(transfer.incoming.take(request.variable("CNI_NETNS")));
            leave(transfer);
            readEarlierThan(transfer);
            serve(transfer.channel, request, frame.length);
        } catch (IOException e) {
            if (transfer.request.isEmpty()) {
                // Somebody who only wanted to know whether there is anybody.
                transfers.remove(transfer);
                close(transfer);
            } else {
                giveUp(transfer, e.getMessage());
            }
        }
        return false;
    }

    /** Whoever had sent before this one is ready now, but perhaps was not when the selector looked. */
    private void readEarlierThan(Transfer transfer) {
        if (transfers.isEmpty()) {
            return;
        }
        try {
            selector.selectNow();
        } catch (IOException e) {
            // The selector's fault, not the request's.
            throw new UncheckedIOException(e);
        }
        advanceReady(transfer.number);
    }

    /** The selector no longer looks at it: another thread is to have it. */
    private void leave(Transfer transfer) {
        SelectionKey key = transfer.channel.keyFor(selector);
        if (key != null) {
            key.cancel();
        }
    }

    private void write(Transfer transfer, Answer answer) {
        try {
            transfer.channel.write(answer.rest());
            if (!answer.rest().hasRemaining()) {
                transfers.remove(transfer);
                answer.wasSent();
                close(transfer);
            }
        } catch (IOException e) {
            giveUp(transfer, e.getMessage());
        }
    }

    private void giveUpExcess() {
        transfers.tooMany().forEach(excess -> giveUp(excess, "was the oldest of more than there is room for"));
    }

    private void giveUp(Transfer transfer, @Nullable String reason) {
        transfers.remove(transfer);
        close(transfer);
        if (transfer.answer.isPresent()) {
            RequestLog.lost(transfer.answer.get().request(), reason);
        } else {
            LOG.atWarn()
                    .addKeyValue("error", reason)
                    .addKeyValue("progress", transfer.request.progress())
                    .log("request-unreadable");
        }
    }

    private static void warn(String event, AgentSocket socket, IOException e) {
        LOG.atWarn()
                .addKeyValue("socket", socket.path())
                .addKeyValue("error", e.toString())
                .log(event);
    }

    private void serve(UnixSocketChannel connection, CniRequest request, int bytes) {
        waiting.incrementAndGet();
        waitingBytes.addAndGet(bytes);
        Runnable task = () -> answer(connection, request, bytes);
        String container = request.variable("CNI_CONTAINERID");
        if (container.isEmpty()) {
            workers.execute(task);
        } else {
            lanes.run(container, task, workers);
        }
    }

    /** On a worker's thread, which closes the connection unless somebody is slow to read. */
    private void answer(UnixSocketChannel connection, CniRequest request, int bytes) {
        long start = System.nanoTime();
        boolean left = false;
        try {
            Reply reply = handler.apply(request);
            Answer answer = new Answer(request, reply.sent(), start, LauncherProtocol.frame(reply.response()));
            connection.write(answer.rest());
            if (answer.rest().hasRemaining()) {
                // Nobody reads it as yet, and no worker waits for that.
                Transfer transfer = new Transfer(connection, answer);
                left = true;
                inLoop(() -> {
                    transfers.add(transfer, System.nanoTime());
                    register(transfer, SelectionKey.OP_WRITE);
                    giveUpExcess();
                });
            } else {
                answer.wasSent();
            }
        } catch (IOException e) {
            RequestLog.lost(request, e.getMessage());
        } finally {
            request.namespace().ifPresent(NetworkNamespace::close);
            if (!left) {
                close(connection);
            }
            served(bytes);
        }
    }

    private void served(int bytes) {
        waiting.decrementAndGet();
        waitingBytes.addAndGet(-bytes);
        if (!accepting || stopping.get()) {
            selector.wakeup();
        }
    }

    private static void close(Transfer transfer) {
        transfer.incoming.close();
        close(transfer.channel);
    }

    private static void close(UnixSocketChannel connection) {
        try {
            connection.close();
        } catch (IOException e) {
            LOG.atDebug().addKeyValue("error", e::toString).log("close-failed");
        }
    }

    /**
     * Stops accepting and removes the socket's name, so that launchers find no agent instead of one that does not
     * answer; then waits until everything that was accepted is answered.
     *
     * @param limit how long to wait at most
     * @return whether everything was answered
     */
    public boolean stop(Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        if (stopping.compareAndSet(false, true)) {
            try {
                socket.removeName();
            } catch (IOException e) {
                warn("stop-incomplete", socket, e);
            }
            selector.wakeup();
        }
        try {
            if (!workers.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                return false;
            }
            thread.join();
            // Not before: those who wake a selector that is closed write into what has its descriptor then.
            selector.close();
            return true;
        } catch (IOException e) {
            warn("stop-incomplete", socket, e);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Calls {@link #stop} with a limit of ten seconds. */
    @Override
    public void close() {
        stop(Duration.ofSeconds(10));
    }
}
