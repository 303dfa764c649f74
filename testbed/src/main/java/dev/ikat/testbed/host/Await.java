package dev.ikat.testbed.host;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
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

    /** A look that starts a program of Java takes half a second of a processor, which what is waited for needs too. */
    private static final int PAUSE_PER_LOOK = 2;

    private static final Duration SLOW_LOOK = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE_AFTER_SLOW_LOOK = Duration.ofMillis(500);

    /** Polls in the waiting thread, which may hold locks or a namespace, and ignores exceptions of other threads. */
    private static final ConditionFactory WAITING =
            Awaitility.with().pollInSameThread().dontCatchUncaughtExceptions().pollDelay(Duration.ZERO);

    private Await() {}

    /** A limit, as long as this machine needs it to be. */
    public static Duration onThisMachine(Duration limit) {
        return limit.multipliedBy(Integer.getInteger(SLOWNESS, 1));
    }

    /**
     * Checks at once, and then every 20 ms until the condition holds, and returns how long that took. After a check
     * that takes more than 100 ms itself it waits twice that time, at most half a second. The condition runs in the
     * calling thread; what it throws ends the waiting.
     *
     * @throws CommandFailedException with the message, which is computed only then, if it does not hold within the
     *     limit
     */
    public static Duration until(Duration usualLimit, Supplier<String> message, BooleanSupplier condition) {
        Duration limit = onThisMachine(usualLimit);
        long start = System.nanoTime();
        Look look = new Look(message, condition);
        try {
            WAITING.pollInterval((looks, _) -> look.pause(looks)).atMost(limit).until(look::isSo);
        } catch (ConditionTimeoutException e) {
            // Of a thread that did not run for a while, the time is over although it has hardly looked.
            if (condition.getAsBoolean()) {
                return Duration.ofNanos(System.nanoTime() - start);
            }
            throw new CommandFailedException("not within %d ms: %s".formatted(limit.toMillis(), message.get()));
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** A condition, and how long the last look at it took. */
    private static final class Look {
        private final Supplier<String> message;
        private final BooleanSupplier condition;
        private Duration taken = Duration.ZERO;

        Look(Supplier<String> message, BooleanSupplier condition) {
            this.message = message;
            this.condition = condition;
        }

        /** Awaitility waits on when it is interrupted. */
        boolean isSo() {
            long start = System.nanoTime();
            boolean so = condition.getAsBoolean();
            taken = Duration.ofNanos(System.nanoTime() - start);
            if (!so && Thread.currentThread().isInterrupted()) {
                throw new CommandFailedException("interrupted while waiting: " + message.get());
            }
            return so;
        }

        Duration pause(int looks) {
            return taken.compareTo(SLOW_LOOK) < 0
                    ? Duration.ofMillis(Math.min(2 * looks, LONGEST_PAUSE_MILLIS))
                    : Collections.min(List.of(taken.multipliedBy(PAUSE_PER_LOOK), LONGEST_PAUSE_AFTER_SLOW_LOOK));
        }
    }
}
