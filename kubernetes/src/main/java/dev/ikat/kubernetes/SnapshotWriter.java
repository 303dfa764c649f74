package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import java.io.IOException;
import java.util.Collection;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * When the {@link Snapshot} is written: not for each change, and again, after pauses that grow, while that fails.
 * Thread-safe; nobody waits for the disk but who writes.
 */
final class SnapshotWriter {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotWriter.class);

    private final Snapshot snapshot;
    private final Patience patience;
    private final ApiMetrics metrics;
    private final Backoff backoff = new Backoff(RandomGenerator.getDefault());
    private boolean oftenChanged;
    private boolean othersChanged;
    private long savedNanos;
    private long retryNanos;
    private Optional<SourceFault> fault = Optional.empty();

    /** The first one may be written at once. */
    SnapshotWriter(Snapshot snapshot, Patience patience, ApiMetrics metrics) {
        this.snapshot = snapshot;
        this.patience = patience;
        this.metrics = metrics;
        this.savedNanos = System.nanoTime() - patience.save().toNanos();
    }

    /** The snapshot on the disk lacks something. */
    synchronized void changed() {
        othersChanged = true;
    }

    /** It lacks something of a kind whose objects change all the time. */
    synchronized void changedOften() {
        oftenChanged = true;
    }

    /**
     * Whether it is time to {@link #write} what is known now; if so, that counts as begun.
     *
     * @param atOnce whether there will be no other time
     */
    synchronized boolean begin(boolean atOnce) {
        long now = System.nanoTime();
        long since = now - savedNanos;
        boolean due = fault.isPresent()
                ? now - retryNanos >= 0
                : (othersChanged && since >= patience.save().toNanos())
                        || (oftenChanged && since >= patience.saveOften().toNanos());
        boolean needed = othersChanged || oftenChanged || fault.isPresent();
        if (!needed || !(due || atOnce)) {
            return false;
        }
        othersChanged = false;
        oftenChanged = false;
        savedNanos = now;
        return true;
    }

    /** Writes it; if that fails it is said, and due again before long. */
    void write(Collection<ClusterObject> objects) {
        try {
            snapshot.write(objects);
            worked();
        } catch (IOException e) {
            failed(e);
        }
    }

    private synchronized void worked() {
        if (fault.isPresent()) {
            LOG.atInfo().addKeyValue("file", snapshot.file()).log("snapshot-written");
        }
        fault = Optional.empty();
        backoff.reset();
    }

    private synchronized void failed(IOException e) {
        metrics.snapshotFailed();
        Optional<SourceFault> now = Optional.of(new SourceFault(
                "snapshot " + snapshot.file(),
                "can't be written, so that a start without the API would find an outdated snapshot or "
                        + "none; the agent tries again: "
                        + (e.getClass() == IOException.class ? e.getMessage() : e.toString())));
        if (!now.equals(fault)) {
            LOG.atWarn()
                    .addKeyValue("file", snapshot.file())
                    .addKeyValue("error", e.toString())
                    .log("snapshot-failed");
        }
        fault = now;
        retryNanos = System.nanoTime() + backoff.next().toNanos();
    }

    /** That the last try failed, and why. */
    synchronized Optional<SourceFault> fault() {
        return fault;
    }
}
