package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.InterfaceName;
import dev.ikat.policy.program.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * The ADDs that wait for their pods' policy. Each is answered once: when its policy is in force and its pod's labels
 * are known, when it has waited long enough for those, or when neither will come. Not thread-safe, but for
 * {@link #waiter}.
 */
final class PolicyWaiters {
    /** When there is nobody whose time could be up. */
    private static final Duration IDLE = Duration.ofMinutes(1);

    private final List<PolicyWaiter> waiting = new ArrayList<>();
    private final NodeEndpoints endpoints;
    private final Predicate<InterfaceName> awaitsLabels;
    private final Duration patience;
    private final LongSupplier clock;

    /**
     * @param awaitsLabels whether policies ask for labels that are not known, by the pod's interface
     * @param patience how long an ADD waits for them
     * @param clock counts nanoseconds, as {@link System#nanoTime} does
     */
    PolicyWaiters(
            NodeEndpoints endpoints, Predicate<InterfaceName> awaitsLabels, Duration patience, LongSupplier clock) {
        this.endpoints = endpoints;
        this.awaitsLabels = awaitsLabels;
        this.patience = patience;
        this.clock = clock;
    }

    /** One that begins to wait now; it is answered after it was added. */
    PolicyWaiter waiter(Endpoint endpoint) {
        return new PolicyWaiter(endpoint, clock.getAsLong() + patience.toNanos(), patience);
    }

    void add(PolicyWaiter waiter) {
        waiting.add(waiter);
    }

    /** Until the first of those who wait has waited long enough, in nanoseconds. */
    long idleNanos() {
        long now = clock.getAsLong();
        return waiting.stream()
                .mapToLong(waiter -> Math.max(0, waiter.deadline() - now))
                .min()
                .orElse(IDLE.toNanos());
    }

    /**
     * Answers those who need not wait any longer.
     *
     * @param failure why policy is not in force; empty if it is
     */
    void answer(Optional<String> failure) {
        waiting.removeIf(waiter -> {
            if (failure.isPresent()) {
                return waiter.fail("the pod's policy is not in force", failure.get());
            }
            if (!endpoints.has(waiter.endpoint())) {
                return waiter.fail("the pod's interface is being removed", "another request is removing it");
            }
            if (!awaitsLabels.test(waiter.endpoint().hostInterface())) {
                return waiter.done();
            }
            if (clock.getAsLong() - waiter.deadline() < 0) {
                return false;
            }
            return waiter.fail(
                    "the pod's labels are not known",
                    "policies of its namespace select by labels, and the cluster has sent no object for "
                            + waiter.endpoint().pod().map(ObjectKey::toString).orElse("") + " for "
                            + patience.toMillis() + " ms");
        });
    }

    /** Nobody will be answered any more. */
    void stop() {
        waiting.forEach(waiter -> waiter.fail("the agent is stopping", "the next agent will answer"));
        waiting.clear();
    }
}
