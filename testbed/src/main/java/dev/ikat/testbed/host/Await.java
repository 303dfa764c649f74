package dev.ikat.testbed.host;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waiting for the kernel or a process to get somewhere, with a limit. */
public final class Await {
    private static final long PAUSE_MILLIS = 20;

    private Await() {}

    /**
     * Asks every 20 ms until the answer is yes, and returns how long that took.
     *
     * @throws CommandFailedException with the message, asked for only then, if it is not within the limit
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
