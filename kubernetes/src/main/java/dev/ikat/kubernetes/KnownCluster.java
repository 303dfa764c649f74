package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKind;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as far as the API has told it, and who hears of it. What reflectors hear is taken in and reported in one
 * step: what a listener is told of is in force, and reports come one at a time. Nobody hears anything before all of its
 * kinds are known, so that nobody takes an object that was not read yet for one that is not there. Thread-safe.
 */
final class KnownCluster implements Reflector.Sink {
    private static final Logger LOG = LoggerFactory.getLogger(KnownCluster.class);

    private final Runnable answersAgain;

    /** Held while something is taken in and reported. */
    private final ReentrantLock lock = new ReentrantLock();

    private final KnownKinds kinds;
    private final Subscriptions subscriptions = new Subscriptions(
            e -> LOG.atError().addKeyValue("error", e.toString()).setCause(e).log("api-report-failed"));
    private boolean closed;
    private volatile boolean synced;

    /** @param answersAgain runs when the API answers that did not, or has a kind that it did not have */
    KnownCluster(KindSet kinds, ApiMetrics metrics, Runnable answersAgain) {
        this.kinds = new KnownKinds(kinds, metrics);
        this.answersAgain = answersAgain;
    }

    private <T> T locked(Supplier<T> question) {
        lock.lock();
        try {
            return question.get();
        } finally {
            lock.unlock();
        }
    }

    private void unlessClosed(Runnable action) {
        lock.lock();
        try {
            if (!closed) {
                action.run();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * The listener hears of these kinds from now on, and first of all that there is, perhaps before this method
     * returns.
     *
     * @throws IllegalArgumentException if one of them is not asked for
     * @throws IllegalStateException if this is closed
     */
    void subscribe(Set<ObjectKind> wanted, ClusterListener listener) {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("nothing more is heard of " + wanted);
            }
            wanted.forEach(kinds::get);
            subscriptions.add(wanted, listener);
            begin();
        } finally {
            lock.unlock();
        }
    }

    private void begin() {
        subscriptions.begin(
                kind -> kinds.get(kind).isSettled(),
                wanted -> new ClusterChange(kinds.objects(wanted), List.of(), List.of()));
    }

    @Override
    public void listBegins(ApiKind<?> kind) {
        unlessClosed(() -> known(kind).listBegins());
    }

    @Override
    public void listed(ApiObject said) {
        unlessClosed(() -> known(said.kind()).listed(said));
    }

    @Override
    public void listEnds(ApiKind<?> kind) {
        unlessClosed(() -> {
            KnownKind known = known(kind);
            ClusterChange change = known.listEnds();
            LOG.atInfo()
                    .addKeyValue("kind", kind.title())
                    .addKeyValue("objects", known.size())
                    .log("api-listed");
            said(kind, change);
        });
    }

    @Override
    public void absent(ApiKind<?> kind) {
        unlessClosed(() -> {
            KnownKind known = known(kind);
            if (!known.isAbsent() || known.outage().isPresent()) {
                LOG.atInfo()
                        .addKeyValue("kind", kind.title())
                        .addKeyValue("objects", known.size())
                        .log("api-kind-absent");
            }
            said(kind, known.absent());
        });
    }

    private void said(ApiKind<?> kind, ClusterChange change) {
        kinds.said();
        subscriptions.report(kind.kind(), change);
        settled();
    }

    /** All that there is of a kind may be known for the first time. */
    private void settled() {
        if (!synced && kinds.areSettled()) {
            synced = true;
            LOG.atInfo().addKeyValue("objects", kinds.size()).log("api-synced");
        }
        begin();
    }

    @Override
    public boolean holds(ApiKind<?> kind) {
        return locked(() -> known(kind).size() > 0);
    }

    @Override
    public void changed(ApiObject said) {
        unlessClosed(() ->
                subscriptions.report(said.kind().kind(), known(said.kind()).changed(said)));
    }

    @Override
    public void deleted(ApiObject said) {
        unlessClosed(() ->
                subscriptions.report(said.kind().kind(), known(said.kind()).deleted(said)));
    }

    @Override
    public void connected(ApiKind<?> kind) {
        unlessClosed(() -> {
            if (known(kind).connected()) {
                LOG.atInfo().addKeyValue("kind", kind.title()).log("api-connected");
                // The API is back for all of them, and kinds that are installed together come together.
                answersAgain.run();
            }
        });
    }

    @Override
    public void disconnected(ApiKind<?> kind, String reason) {
        unlessClosed(() -> {
            if (known(kind).disconnected(reason)) {
                LOG.atWarn()
                        .addKeyValue("kind", kind.title())
                        .addKeyValue("reason", reason)
                        .log("api-disconnected");
            }
        });
    }

    private KnownKind known(ApiKind<?> kind) {
        return kinds.get(kind.kind());
    }

    /** What is waited for, if anything is. */
    Optional<KnownKinds.Missing> missing() {
        return locked(kinds::missing);
    }

    /** Nothing is waited for any longer, as {@link KnownKinds#startFrom} says. */
    void startFrom(Optional<Snapshot.Content> kept) {
        unlessClosed(() -> {
            if (kinds.startFrom(kept)) {
                kept.ifPresent(content -> LOG.atWarn()
                        .addKeyValue("taken", content.taken())
                        .addKeyValue("objects", content.objects().size())
                        .log("snapshot-used"));
            }
            settled();
        });
    }

    /**
     * All objects, if the API itself has said them all, and they are wanted; also after {@link #close}.
     *
     * @param wanted asked where they could be had; nothing changes between its answer and the objects
     */
    Optional<List<ClusterObject>> allIf(BooleanSupplier wanted) {
        return locked(() -> synced && kinds.asOf().isEmpty() && wanted.getAsBoolean()
                ? Optional.of(kinds.objects())
                : Optional.empty());
    }

    /** What there is of a kind; empty before anybody can say. */
    List<ClusterObject> objects(ObjectKind kind) {
        return locked(() -> kinds.get(kind).isSettled() ? kinds.objects(Set.of(kind)) : List.of());
    }

    /** Whether all that there is of every kind is known, as far as anybody can say. */
    boolean synced() {
        return synced;
    }

    /** When the snapshot was taken that is in force in part; empty if none is. */
    Optional<Instant> asOf() {
        return locked(kinds::asOf);
    }

    /** Of which kinds changes are not heard, and what is wrong with objects. */
    List<SourceFault> faults() {
        return locked(kinds::faults);
    }

    /** Nothing more is taken in, or reported, when this returns. */
    void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
    }
}
