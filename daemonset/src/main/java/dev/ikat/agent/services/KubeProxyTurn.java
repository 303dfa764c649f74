package dev.ikat.agent.services;

import dev.ikat.agent.services.KubeProxySigns.Sign;
import java.time.Duration;
import java.util.Optional;

/**
 * Whose turn it is to do services where the setting is {@code auto}: a kube-proxy's while one runs. Rules that it has
 * left when it ended are nobody's, since they do not follow the cluster any more. A change waits a while, during which
 * the one that had services goes on with them: a kube-proxy that is replaced is away for some seconds, and one that
 * starts does not have all of its rules at once. Not thread-safe.
 */
final class KubeProxyTurn {
    /** After which time without a process a kube-proxy is gone, and not only being replaced. */
    static final Duration GONE = Duration.ofSeconds(5);

    /** How long a kube-proxy that comes has for its rules, while Ikat's are still in force. */
    static final Duration SETTLED = Duration.ofSeconds(10);

    private boolean known;
    private boolean itsTurn;
    private boolean waits;
    private long since;

    /**
     * Whether services are left to the kube-proxy, after a look; never where that has found nothing.
     *
     * @param sign what the look has found
     * @param now when it was, in nanoseconds, as {@link System#nanoTime} counts
     */
    boolean look(Optional<Sign> sign, long now) {
        boolean runs = sign.map(Sign::runs).orElse(false);
        if (!known) {
            known = true;
            itsTurn = sign.isPresent();
        }
        if (runs == itsTurn) {
            waits = false;
            return itsTurn;
        }
        if (!waits) {
            waits = true;
            since = now;
        }
        Duration patience = itsTurn ? GONE : SETTLED;
        if ((itsTurn && sign.isEmpty()) || now - since >= patience.toNanos()) {
            itsTurn = runs;
            waits = false;
        }
        return itsTurn;
    }

    /** Whether services are left to the kube-proxy, as of the last look. */
    boolean isItsTurn() {
        return itsTurn;
    }

    /** Whether the next look may change that without anybody having changed anything. */
    boolean waits() {
        return waits;
    }
}
