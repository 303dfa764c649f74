package dev.ikat.agent.reconcile;

import dev.ikat.cluster.ClusterChange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What a part's own thread waits for: changes of the cluster, and occasions to look without any. Thread-safe. */
public final class ClusterInbox {
    /** An empty one is a look without a change. */
    private final BlockingQueue<Optional<ClusterChange>> queue = new LinkedBlockingQueue<>();

    /** The cluster has changed. */
    public void changed(ClusterChange change) {
        queue.add(Optional.of(change));
    }

    /** Something else may have: the thread looks soon, if it would not anyway. */
    public void look() {
        if (queue.isEmpty()) {
            queue.add(Optional.empty());
        }
    }

    /**
     * Waits for anything, and takes all that is there then.
     *
     * @param limit how long to wait
     * @return the changes in their order; none if it is only time to look
     */
    public List<ClusterChange> take(Duration limit) throws InterruptedException {
        List<Optional<ClusterChange>> batch = new ArrayList<>();
        Optional<ClusterChange> first = queue.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        if (first != null) {
            batch.add(first);
        }
        queue.drainTo(batch);
        return batch.stream().flatMap(Optional::stream).toList();
    }
}
