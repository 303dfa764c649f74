package dev.ikat.testbed.host;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.awaitility.core.ConditionTimeoutException;

/** Waits for a state of the kernel or a process, with a limit: Awaitility, with the settings that all waits share. */
public final class Await {
    /** The system property that makes every limit so many times longer, as on a machine that is emulated. */
    private static final String SLOWNESS = "ikat.slowness";

    private static final int LONGEST_PAUSE_MILLIS = 20;

    /** Polls in the waiting thread, which may hold locks or a namespace, and ignores exceptions of other threads. */
    private static final ConditionFactory WAITING = Awaitility.with()
            .pollInSameThread()
            .dontCatchUncaughtExceptions()
            .pollDelay(Duration.ZERO)
            .pollInterval((polls, _) -> Duration.ofMillis(Math.min(2 * polls, LONGEST_PAUSE_MILLIS)));

    private Await() {}

    /** A limit, as long as this machine needs it to be. */
    public static Duration onThisMachine(Duration limit) {
        return limit.multipliedBy(Integer.getInteger(SLOWNESS, 1));
    }

    /**
     * Checks at once, and then at least every 20 ms, until the condition holds, and returns how long that took. The
     * condition runs in the calling thread; what it throws ends the waiting.
     *
     * @throws CommandFailedException with the message, which is computed only then, if it does not hold within the
     *     limit
     */
    public static Duration until(Duration usualLimit, Supplier<String> message, BooleanSupplier condition) {
        Duration limit = onThisMachine(usualLimit);
        long start = System.nanoTime();
        try {
            WAITING.atMost(limit).until(() -> isSo(message, condition));
        } catch (ConditionTimeoutException e) {
            // Of a thread that did not run for a while, the time is over although it has hardly looked.
            if (condition.getAsBoolean()) {
                return Duration.ofNanos(System.nanoTime() - start);
            }
            throw new CommandFailedException("not within %d ms: %s".formatted(limit.toMillis(), message.get()));
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Awaitility waits on when it is interrupted. */
    private static boolean isSo(Supplier<String> message, BooleanSupplier condition) {
        boolean so = condition.getAsBoolean();
        if (!so && Thread.currentThread().isInterrupted()) {
            throw new CommandFailedException("interrupted while waiting: " + message.get());
        }
        return so;
    }
}
