package dev.ikat.agent.reconcile;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the reconciliations that parts have registered, all on one thread and in that order: when something happened
 * that concerns them, when they failed before, and all of them at a regular interval. Events that arrive at the same
 * time, or while a reconciliation runs, are handled by a single run.
 */
public final class ReconcileLoop implements Reconciliations, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReconcileLoop.class);
    /** How long to wait for what else happens: events come in bursts, as when an interface goes. */
    private static final Duration SETTLE = Duration.ofMillis(50);

    private static final Duration FIRST_RETRY = Duration.ofMillis(250);
    private static final Duration LAST_RETRY = Duration.ofSeconds(15);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    private final Map<Readiness.Part, Reconciliation> parts = new LinkedHashMap<>();
    private final Duration interval;
    private final Readiness readiness;
    private final ReconcileMetrics metrics;
    private final RecentErrors errors;
    private final List<Runnable> afterwards = new ArrayList<>();
    private final Thread thread;
    private final Map<Readiness.Part, Cause> due = new EnumMap<>(Readiness.Part.class);
    /** Only the loop's own thread uses what follows, but for {@code closed}. */
    private final Map<Readiness.Part, String> reasons = new EnumMap<>(Readiness.Part.class);

    private final Map<Readiness.Part, Cause> failed = new EnumMap<>(Readiness.Part.class);
    /** Parts that have been in order once. */
    private final Set<Readiness.Part> settled = EnumSet.noneOf(Readiness.Part.class);

    private long nextFull = System.nanoTime();
    private Duration retry = FIRST_RETRY;
    private boolean closed;

    /** Why a part is checked, which also says who caused a difference. */
    public enum Cause {
        /** The part has not been in order yet. */
        START,
        /** The cluster or the settings have changed. */
        CHANGE,
        /** The kernel sent a notification, or the interval is over. */
        DRIFT;

        /** Its name in metrics. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** One part's comparison and repair. */
    public interface Reconciliation {
        /**
         * Compares, repairs, and returns the number of changes.
         *
         * @throws NotYetException if it can't be in order yet, for a reason that is not a failure
         */
        int run();
    }

    /** A precondition is not met yet; the message is the reason that {@code /readyz} gives. */
    public static final class NotYetException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public NotYetException(String reason) {
            super(reason);
        }
    }

    /** @param interval the time without any event after which everything is checked */
    public ReconcileLoop(Duration interval, Readiness readiness, ReconcileMetrics metrics, RecentErrors errors) {
        this.interval = interval;
        this.readiness = readiness;
        this.metrics = metrics;
        this.errors = errors;
        this.thread = Thread.ofPlatform().name("reconcile").unstarted(this::loop);
    }

    @Override
    public synchronized void register(Readiness.Part part, Reconciliation reconciliation) {
        requireNotStarted();
        if (parts.putIfAbsent(part, reconciliation) != null) {
            throw new IllegalStateException(part + " is already registered");
        }
    }

    /** Also runs this after each round. */
    public synchronized void afterEachRound(Runnable task) {
        requireNotStarted();
        afterwards.add(task);
    }

    private void requireNotStarted() {
        if (thread.getState() != Thread.State.NEW) {
            throw new IllegalStateException("the loop is already running");
        }
    }

    /** Starts with a round of all parts. */
    public synchronized void start() {
        trigger(parts.keySet(), Cause.START);
        thread.start();
    }

    /**
     * Has these parts checked soon. If several causes come together, the part is not counted as drift, because its
     * desired state changed anyway. Does nothing before the start, because the first round checks all parts.
     */
    public synchronized void trigger(Set<Readiness.Part> concerned, Cause cause) {
        concerned.forEach(part -> due.merge(part, cause, (before, now) -> before == Cause.DRIFT ? now : before));
        notifyAll();
    }

    private void loop() {
        try {
            while (true) {
                Map<Readiness.Part, Cause> round = await();
                if (round.isEmpty()) {
                    return;
                }
                for (Map.Entry<Readiness.Part, Reconciliation> part : parts.entrySet()) {
                    Cause cause = round.get(part.getKey());
                    if (cause != null) {
                        failed.remove(part.getKey());
                        if (!reconcile(part.getKey(), part.getValue(), cause)) {
                            failed.put(part.getKey(), cause);
                        }
                    }
                }
                Duration doubled = retry.multipliedBy(2);
                retry = failed.isEmpty() ? FIRST_RETRY : doubled.compareTo(LAST_RETRY) < 0 ? doubled : LAST_RETRY;
                afterwards.forEach(Runnable::run);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The parts to look at now; empty when the loop is to end. */
    private synchronized Map<Readiness.Part, Cause> await() throws InterruptedException {
        long again = System.nanoTime() + retry.toNanos();
        while (!closed && due.isEmpty()) {
            long now = System.nanoTime();
            if (now - nextFull >= 0) {
                parts.keySet().forEach(part -> due.put(part, Cause.DRIFT));
            } else if (!failed.isEmpty() && now - again >= 0) {
                due.putAll(failed);
            } else {
                long wake = failed.isEmpty() ? nextFull : Math.min(nextFull - now, again - now) + now;
                wait(Math.max(1, (wake - now) / 1_000_000));
            }
        }
        if (due.keySet().containsAll(parts.keySet())) {
            nextFull = System.nanoTime() + interval.toNanos();
        }
        long settled = System.nanoTime() + SETTLE.toNanos();
        for (long left; !closed && (left = settled - System.nanoTime()) > 0; ) {
            wait(Math.max(1, left / 1_000_000));
        }
        if (closed) {
            return Map.of();
        }
        Map<Readiness.Part, Cause> round = new EnumMap<>(due);
        due.clear();
        return round;
    }

    private boolean reconcile(Readiness.Part part, Reconciliation reconciliation, Cause cause) {
        try {
            int changes = reconciliation.run();
            if (changes > 0) {
                metrics.repaired(part, settled.contains(part) ? cause : Cause.START, changes);
            }
            settled.add(part);
            if (reasons.remove(part) != null) {
                LOG.atInfo().addKeyValue("part", part).log("in-order");
            }
            readiness.ready(part);
            return true;
        } catch (NotYetException e) {
            String reason = String.valueOf(e.getMessage());
            if (!reason.equals(reasons.put(part, reason))) {
                LOG.atInfo()
                        .addKeyValue("part", part)
                        .addKeyValue("reason", reason)
                        .log("waiting");
            }
            readiness.notReady(part, reason);
            return true;
        } catch (RuntimeException e) {
            // The loop is what tries again; each new reason is logged once, every failure is counted.
            metrics.failed(part);
            String reason = e.getMessage() == null ? e.toString() : e.getMessage();
            errors.add(part.name().toLowerCase(Locale.ROOT), reason);
            if (!reason.equals(reasons.put(part, reason))) {
                LOG.atError()
                        .addKeyValue("part", part)
                        .addKeyValue("error", reason)
                        .setCause(e)
                        .log("reconcile-failed");
            }
            readiness.notReady(part, reason);
            return false;
        }
    }

    /** Waits for the running round, and begins no other. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join(STOP_LIMIT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
