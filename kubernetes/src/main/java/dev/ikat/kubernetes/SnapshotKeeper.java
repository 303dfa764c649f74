package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKind;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Has the cluster start from the {@link Snapshot} of an earlier run where the API is late, and keeps what the API says
 * in it for a later one. Nothing is written as long as what is in force comes from a snapshot itself.
 */
final class SnapshotKeeper {
    private final KnownCluster cluster;
    private final Snapshot snapshot;
    private final SnapshotWriter writer;
    private final Patience patience;

    /** What is waited for: kinds that must be there, or only optional ones. */
    private boolean onlyOptional;

    private long sinceNanos = System.nanoTime();
    private boolean read;

    /** Begins to wait for the API, and hears of the cluster from now on. */
    SnapshotKeeper(KnownCluster cluster, KindSet kinds, Snapshot snapshot, Patience patience, ApiMetrics metrics) {
        this.cluster = cluster;
        this.snapshot = snapshot;
        this.patience = patience;
        this.writer = new SnapshotWriter(snapshot, patience, metrics);
        cluster.subscribe(kinds(kinds, true), _ -> writer.changedOften());
        cluster.subscribe(kinds(kinds, false), _ -> writer.changed());
    }

    private static Set<ObjectKind> kinds(KindSet kinds, boolean changingOften) {
        return kinds.all().stream()
                .filter(kind -> kind.isChangingOften() == changingOften)
                .map(ApiKind::kind)
                .collect(Collectors.toSet());
    }

    /** To be called now and then, from one thread: starts without the API, or saves, where it is time to. */
    void tick() {
        startIfLate();
        save(false);
    }

    private void startIfLate() {
        Optional<KnownKinds.Missing> missing = cluster.missing();
        if (missing.isEmpty()) {
            return;
        }
        if (missing.get().optional() != onlyOptional) {
            // Those that must be there are; the others have as much time again.
            onlyOptional = missing.get().optional();
            sinceNanos = System.nanoTime();
            read = false;
        }
        Duration wait = missing.get().outage() ? patience.outage() : patience.list();
        if (!read && System.nanoTime() - sinceNanos >= wait.toNanos()) {
            read = true;
            cluster.startFrom(snapshot.read());
        }
    }

    /**
     * Keeps the state for a start without API, if it is time to.
     *
     * @param atOnce whether there will be no other time
     */
    void save(boolean atOnce) {
        cluster.allIf(() -> writer.begin(atOnce)).ifPresent(writer::write);
    }

    /** That the state can't be kept, and why. */
    Optional<SourceFault> fault() {
        return writer.fault();
    }
}
