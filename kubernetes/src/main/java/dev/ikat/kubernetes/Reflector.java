package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows all objects of one kind: a list, then a watch from where the list stood, again from where the last watch
 * stood, and a new list only where the server has forgotten that, or tells of a time before it: it was restored from a
 * backup. It goes on for ever; what it hears goes to a {@link Sink}. See the Kubernetes API concepts, "efficient
 * detection of changes". Of a kind that the server does not have in one version it is asked for another one. Of an
 * optional kind it is no failure that the server has none of them: it is asked for again after a pause.
 */
final class Reflector implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Reflector.class);

    /** How long a watch may last, in seconds: a connection that died unnoticed is found by its end. */
    private static final int SHORTEST_WATCH = 180;

    private static final int LONGEST_WATCH = 300;
    private static final Duration WATCH_GRACE = Duration.ofSeconds(10);
    /** How long a list may stall. */
    private static final Duration STALL = Duration.ofSeconds(30);
    /** A watch that lasted less is not to be asked for again at once, and no sign that all is well. */
    private static final Duration SHORT_LIVED = Duration.ofSeconds(2);

    /** Into how many parts the pause before a kind is asked for again is divided to confirm that it went. */
    private static final int CONFIRMATION = 10;

    private static final int PAGE = 500;
    /** A list from the server's memory, however old; cheap for it when all nodes start. */
    private static final String FROM_MEMORY = "resourceVersion=0";
    /** A list from the server's store: right where its memory is behind what was seen before. */
    private static final String FROM_STORE = "limit=" + PAGE;

    private final ApiKind<?> kind;
    private final ApiConnection api;
    private final ServerHistory history;
    private final Sink sink;
    private final RandomGenerator random;
    private final Backoff backoff;
    private final Duration shortLived;
    private final Duration absence;
    private final Thread thread;
    /** Something to try again for, before the pause is over. */
    private final Semaphore hurry = new Semaphore(0);

    private volatile boolean closed;
    private volatile @Nullable GuardedStream stream;
    private volatile long heardNanos = System.nanoTime();

    /** The version up to which everything was heard; empty when all has to be listed. Written by the thread alone. */
    private volatile String version = "";

    /** That the server has forgotten that, as somebody else has found. */
    private volatile boolean forgotten;

    private String listQuery = FROM_MEMORY;

    /** Which of the kind's paths the server is asked for. */
    private int pathIndex;

    /** That the server just said that it does not have the kind, which has to be confirmed. */
    private boolean doubted;

    /** Hears of objects, from one thread. */
    interface Sink {
        /** A list begins: what {@link #listed} then tells is all there is. */
        void listBegins(ApiKind<?> kind);

        /** An object of the list. */
        void listed(ApiObject object);

        /** The list is complete. */
        void listEnds(ApiKind<?> kind);

        /** There is a new object, or it is otherwise. */
        void changed(ApiObject object);

        /** An object is gone. */
        void deleted(ApiObject object);

        /** From now on changes are heard as they happen. */
        void connected(ApiKind<?> kind);

        /** Changes are not heard any more until the next call of {@link #connected}. */
        void disconnected(ApiKind<?> kind, String reason);

        /** Whether anything of the kind is in force, so that it must not go by one answer of a server that errs. */
        boolean holds(ApiKind<?> kind);

        /** The server does not have the kind, so it has no objects. */
        void absent(ApiKind<?> kind);
    }

    /** @param absence about how long until a kind that the server does not have is asked for again */
    Reflector(
            ApiKind<?> kind,
            ApiConnection api,
            ServerHistory history,
            Sink sink,
            RandomGenerator random,
            Duration absence) {
        this(kind, api, history, sink, random, new Backoff(random), SHORT_LIVED, absence);
    }

    Reflector(
            ApiKind<?> kind,
            ApiConnection api,
            ServerHistory history,
            Sink sink,
            RandomGenerator random,
            Backoff backoff,
            Duration shortLived,
            Duration absence) {
        this.kind = kind;
        this.api = api;
        this.history = history;
        this.sink = sink;
        this.random = random;
        this.backoff = backoff;
        this.shortLived = shortLived;
        this.absence = absence;
        this.thread = Thread.ofPlatform().name("api-" + kind.title()).daemon().unstarted(this::run);
    }

    ApiKind<?> kind() {
        return kind;
    }

    /** The first list is from the server's store, too: its memory may be behind what others have written. */
    Reflector fromStore() {
        listQuery = FROM_STORE;
        return this;
    }

    Reflector start() {
        thread.start();
        return this;
    }

    private void run() {
        while (!closed) {
            try {
                if (forgotten || (!version.isEmpty() && history.isBehind(kind, version))) {
                    throw forgot();
                }
                if (version.isEmpty()) {
                    list();
                }
                if (!watch()) {
                    Thread.sleep(backoff.next());
                }
            } catch (InterruptedException e) {
                // Only close interrupts.
                return;
            } catch (ApiException e) {
                if (e.code() != ApiException.NOT_FOUND || !triesOtherPath()) {
                    failedOrNotFound(e);
                }
            } catch (IOException e) {
                failed(e);
            } catch (RuntimeException e) {
                LOG.atError()
                        .addKeyValue("kind", kind.title())
                        .addKeyValue("error", e.toString())
                        .setCause(e)
                        .log("api-failed");
                version = "";
                failed(e);
            }
        }
    }

    /** The server does not have this path: whether there is another one that it was not asked for since. */
    private boolean triesOtherPath() {
        pathIndex = (pathIndex + 1) % kind.paths().size();
        if (pathIndex == 0) {
            return false;
        }
        version = "";
        return true;
    }

    private void failedOrNotFound(ApiException e) {
        if (kind.isOptional() && e.code() == ApiException.NOT_FOUND) {
            notFound();
        } else {
            failed(e);
        }
    }

    private String path() {
        return kind.paths().get(pathIndex);
    }

    private void failed(Exception thrown) {
        if (closed) {
            return;
        }
        doubted = false;
        Exception e = forgotten ? forgot() : thrown;
        sink.disconnected(kind, e instanceof ApiException ? String.valueOf(e.getMessage()) : e.toString());
        pause(backoff.next());
    }

    private void pause(Duration duration) {
        try {
            hurry.drainPermits();
            boolean _ = hurry.tryAcquire(duration.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            closed = true;
        }
    }

    /**
     * The server does not have this kind, in no version. One that is just starting says so too, for a moment, of kinds
     * that it has: so what is in force goes only if it says it twice.
     */
    private void notFound() {
        version = "";
        heardNanos = System.nanoTime();
        doubted = !doubted && sink.holds(kind);
        if (doubted) {
            // No hurry: that others are answered again is when a server that errs does so.
            sleep(absence.dividedBy(CONFIRMATION));
        } else {
            sink.absent(kind);
            // Not all nodes at once.
            pause(absence.multipliedBy(random.nextLong(75, 126)).dividedBy(100));
        }
    }

    private void sleep(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException interrupted) {
            closed = true;
        }
    }

    /** What there is to say where the server was set back; everything is listed anew. */
    private ApiException forgot() {
        forgotten = false;
        version = "";
        return new ApiException(
                ApiException.GONE,
                "the API server no longer knows " + kind.title()
                        + " objects that it had reported, as after a backup was restored; all are listed again");
    }

    private void list() throws IOException, InterruptedException {
        String query = listQuery;
        // Whatever is wrong with this list, the next one asks for the truth itself.
        listQuery = FROM_STORE;
        String next = "";
        String at;
        sink.listBegins(kind);
        do {
            String more = next.isEmpty() ? "" : "&continue=" + URLEncoder.encode(next, StandardCharsets.UTF_8);
            try (GuardedStream body = open(path() + "?" + query + more, STALL);
                    JsonParser json = ApiConnection.JSON.createParser((InputStream) body)) {
                ListHead head = ListHead.read(json, kind, sink::listed);
                at = head.version();
                next = head.next();
            }
        } while (!next.isEmpty());
        sink.listEnds(kind);
        doubted = false;
        version = at;
        heardNanos = System.nanoTime();
    }

    /** Returns when the server ends the watch, as it does after a while: whether it lasted. */
    private boolean watch() throws IOException, InterruptedException {
        int seconds = random.nextInt(SHORTEST_WATCH, LONGEST_WATCH);
        String path =
                path() + "?watch=1&allowWatchBookmarks=true&resourceVersion=" + version + "&timeoutSeconds=" + seconds;
        try (GuardedStream body = open(path, Duration.ofSeconds(seconds).plus(WATCH_GRACE))) {
            sink.connected(kind);
            long begun = System.nanoTime();
            // Not before: a new parser waits for the first bytes.
            try (JsonParser json = ApiConnection.JSON.createParser((InputStream) body)) {
                while (!closed && json.nextToken() != null) {
                    event(json);
                }
            } finally {
                // However it ends: what went wrong before it is over.
                if (lasted(begun)) {
                    backoff.reset();
                }
            }
            return lasted(begun);
        } catch (ApiException e) {
            relistIfLost(e.code());
            throw e;
        }
    }

    private boolean lasted(long begun) {
        return System.nanoTime() - begun >= shortLived.toNanos();
    }

    /** A server that can't watch from there says so in several ways; one that is only busy keeps its memory. */
    private void relistIfLost(int code) {
        if (code == ApiException.GONE || code == 400 || code == 504) {
            version = "";
        }
    }

    private void event(JsonParser json) throws IOException {
        heardNanos = System.nanoTime();
        WatchEvent event = WatchEvent.read(json, kind);
        ApiObject object = event.object();
        String reached = object.version();
        if (ServerHistory.isOlder(reached, version)) {
            throw forgot();
        }
        switch (event.type()) {
            case "ADDED", "MODIFIED" -> sink.changed(object);
            case "DELETED" -> sink.deleted(object);
            case "BOOKMARK" -> {}
            case "ERROR" -> {
                version = "";
                throw event.error();
            }
            default ->
                LOG.atDebug()
                        .addKeyValue("kind", kind.title())
                        .addKeyValue("type", event.type())
                        .log("api-event-unknown");
        }
        if (!reached.isEmpty()) {
            version = reached;
        }
    }

    private GuardedStream open(String path, Duration patience) throws InterruptedException {
        GuardedStream opened = new GuardedStream(api.get(path), patience);
        stream = opened;
        if (closed) {
            opened.closeQuietly();
        }
        return opened;
    }

    /** The version up to which everything was heard; empty where all has to be listed. From any thread. */
    String version() {
        return version;
    }

    /** The server has forgotten what it told of: everything is listed anew. From any thread. */
    void startOver() {
        forgotten = true;
        GuardedStream now = stream;
        if (now != null) {
            now.closeQuietly();
        }
    }

    /** The server answers again: one that pauses after a failure tries again at once. From any thread. */
    void hurry() {
        hurry.release();
    }

    /** How long ago the server last said anything of this kind; it does so about once a minute if nothing changes. */
    Duration silence() {
        return Duration.ofNanos(System.nanoTime() - heardNanos);
    }

    /** Ends a request whose connection must have died; to be called now and then, from any thread. */
    void checkStalled() {
        GuardedStream now = stream;
        if (now != null && now.isStalled()) {
            LOG.atWarn().addKeyValue("kind", kind.title()).log("api-stalled");
            now.closeQuietly();
        }
    }

    @Override
    public void close() {
        closed = true;
        GuardedStream now = stream;
        if (now != null) {
            now.closeQuietly();
        }
        thread.interrupt();
    }
}
