package dev.ikat.agent.observe;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * Whether this node does services, as load balancers are told: it has them in force, and no change of them has waited
 * for longer than kube-proxy would let it. Thread-safe.
 */
public final class ServiceHealth {
    /** Twice the time after which kube-proxy by default does everything anew ({@code syncPeriod}). */
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Clock clock;
    private final LongSupplier nanoTime;
    private Instant updated;
    private boolean everInForce;
    private OptionalLong waitingSince = OptionalLong.empty();
    private boolean nodeLeaving;

    /** They are not in force yet. */
    public ServiceHealth() {
        this(Clock.systemUTC(), System::nanoTime);
    }

    ServiceHealth(Clock clock, LongSupplier nanoTime) {
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.updated = clock.instant();
    }

    /** There is a change that is not in force. */
    public synchronized void waits() {
        if (waitingSince.isEmpty()) {
            waitingSince = OptionalLong.of(nanoTime.getAsLong());
        }
    }

    /** Everything is in force. */
    public synchronized void isInForce() {
        everInForce = true;
        waitingSince = OptionalLong.empty();
        updated = clock.instant();
    }

    /** Nothing is in force any more. */
    public synchronized void isOut() {
        everInForce = false;
    }

    /** Whether the node is about to leave the cluster. */
    public synchronized void nodeLeaves(boolean leaving) {
        nodeLeaving = leaving;
    }

    /** Whether services are in force, whatever becomes of the node. */
    public synchronized boolean isHealthy() {
        return everInForce
                && (waitingSince.isEmpty() || nanoTime.getAsLong() - waitingSince.getAsLong() < LIMIT.toNanos());
    }

    /** {@code /healthz}: whether the node should get connections from outside. */
    synchronized HttpPort.Answer ready() {
        return new HttpPort.Answer(
                isHealthy() && !nodeLeaving, "{%s,\"nodeEligible\": %b}\n".formatted(times(), !nodeLeaving));
    }

    /** {@code /livez}: whether services are in force. */
    synchronized HttpPort.Answer live() {
        return new HttpPort.Answer(isHealthy(), "{%s}\n".formatted(times()));
    }

    /** As kube-proxy does, it says of what is up to date that it was updated now. */
    private String times() {
        Instant now = clock.instant();
        return "\"lastUpdated\": \"%s\",\"currentTime\": \"%s\"".formatted(isHealthy() ? now : updated, now);
    }
}
