package dev.ikat.agent;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parts of the agent that have been started, which are stopped in reverse order: each after those that were started
 * later and need it. Used by one thread until it is closed.
 */
final class StartedParts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StartedParts.class);

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    /** Stops this part too, before those that were kept until now. */
    <T extends AutoCloseable> T keep(T part) {
        parts.push(part);
        return part;
    }

    /** Stops everything, whatever fails of it. Does nothing the second time. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        LOG.atInfo().log("stopping");
        while (!parts.isEmpty()) {
            AutoCloseable part = parts.pop();
            try {
                part.close();
            } catch (Exception e) {
                // The others have to be stopped all the same.
                LOG.atError()
                        .addKeyValue("part", part.getClass().getSimpleName())
                        .addKeyValue("error", e.toString())
                        .log("stop-failed");
            }
        }
        LOG.atInfo().log("stopped");
    }
}
