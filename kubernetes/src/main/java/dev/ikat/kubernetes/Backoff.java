package dev.ikat.kubernetes;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Pauses between attempts that grow, and differ from node to node so that not all come at once. Not thread-safe. */
final class Backoff {
    private static final Duration FIRST = Duration.ofMillis(250);
    private static final Duration LONGEST = Duration.ofSeconds(30);

    private final RandomGenerator random;
    private Duration next = FIRST;

    Backoff(RandomGenerator random) {
        this.random = random;
    }

    /** The pause before the next attempt: between half of what has come to, and all of it. */
    Duration next() {
        long most = next.toMillis();
        Duration doubled = next.multipliedBy(2);
        next = doubled.compareTo(LONGEST) > 0 ? LONGEST : doubled;
        return Duration.ofMillis(random.nextLong(most / 2, most + 1));
    }

    /** Something worked. */
    void reset() {
        next = FIRST;
    }
}
