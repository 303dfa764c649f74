package dev.ikat.testbed.host;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a state of the kernel or a process, with a limit. */
public final class Await {
    private static final long PAUSE_MILLIS = 20;

    private Await() {}

    /**
     * Checks every 20 ms until the condition holds, and returns how long that took.
     *
     * @throws CommandFailedException with the message, which is computed only then, if it does not hold within the
     *     limit
     */
    public static Duration until(Duration limit, Supplier<String> message, BooleanSupplier condition) {
        long start = System.nanoTime();
        while (true) {
            if (condition.getAsBoolean()) {
                return Duration.ofNanos(System.nanoTime() - start);
            }
            if (System.nanoTime() - start > limit.toNanos()) {
                throw new CommandFailedException("not within %d ms: %s".formatted(limit.toMillis(), message.get()));
            }
            try {
                Thread.sleep(PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CommandFailedException("interrupted while waiting: " + message.get());
            }
        }
    }
}
