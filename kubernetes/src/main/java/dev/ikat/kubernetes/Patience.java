package dev.ikat.kubernetes;

import java.time.Duration;

/**
 * How long a {@link KubernetesSource} waits with what.
 *
 * @param outage for an API that can't be reached at the start, until the snapshot has to do
 * @param list for one that is slow to say everything
 * @param save between two snapshots, where an object changed
 * @param saveOften where only objects did that change all the time
 * @param retry until the API is told again what it did not take
 * @param repeat until it is told again what it did: somebody else may have said the opposite
 * @param history until it is asked again whether it still knows what it said
 * @param absence until it is asked again, about, for a kind that it does not have
 */
record Patience(
        Duration outage,
        Duration list,
        Duration save,
        Duration saveOften,
        Duration retry,
        Duration repeat,
        Duration history,
        Duration absence) {
    static final Patience DEFAULT = new Patience(
            Duration.ofSeconds(5),
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            Duration.ofMinutes(5),
            Duration.ofSeconds(10),
            Duration.ofMinutes(5),
            Duration.ofSeconds(20),
            Duration.ofMinutes(1));
}
