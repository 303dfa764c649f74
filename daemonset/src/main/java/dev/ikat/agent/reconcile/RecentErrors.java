package dev.ikat.agent.reconcile;

import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The last few errors, for the status. Thread-safe. */
public final class RecentErrors {
    private static final int KEPT = 16;

    private final Clock clock;
    private final Deque<Entry> entries = new ArrayDeque<>();

    /**
     * One error.
     *
     * @param at when it last happened
     * @param what the part or request in which it happened
     * @param times how often in a row
     */
    public record Entry(Instant at, String what, String message, int times) {}

    public RecentErrors(Clock clock) {
        this.clock = clock;
    }

    /** Adds an error that happened now. If it repeats the last one, that one's count increases instead. */
    public synchronized void add(String what, String message) {
        Entry last = entries.peekLast();
        int times = 1;
        if (last != null && last.what().equals(what) && last.message().equals(message)) {
            times = entries.removeLast().times() + 1;
        } else if (entries.size() == KEPT) {
            entries.removeFirst();
        }
        entries.addLast(new Entry(clock.instant().truncatedTo(ChronoUnit.SECONDS), what, message, times));
    }

    /** The oldest first. */
    public synchronized List<Entry> entries() {
        return List.copyOf(entries);
    }
}
