package dev.ikat.agent.bgp;

import dev.ikat.agent.host.ListeningPorts;
import dev.ikat.bgp.bird.Bird;
import dev.ikat.bgp.bird.BirdException;
import dev.ikat.bgp.bird.SessionState;
import dev.ikat.cluster.BgpPeer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has BIRD run by the configuration that it is given, and follows the sessions. A configuration that was refused is
 * tried again after a while, each time a longer one; what was in force stays. Not thread-safe.
 */
final class BirdWatch {
    private static final Logger LOG = LoggerFactory.getLogger(BirdWatch.class);
    /** After a failure it is tried again after so long, then twice as long, and so on. */
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Path PROC = Path.of("/proc/thread-self/net");

    private final Bird bird;
    private final BgpMetrics metrics;

    private Map<String, Boolean> established = Map.of();
    private Optional<String> failure = Optional.empty();
    /** What was refused last, so that it is not tried again at once. */
    private Optional<String> refused = Optional.empty();

    private Duration pause = FIRST_PAUSE;
    private long again = System.nanoTime();

    /** Works in the network namespace of the thread that looks. */
    BirdWatch(Bird bird, BgpMetrics metrics) {
        this.bird = bird;
        this.metrics = metrics;
    }

    /**
     * How BIRD is.
     *
     * @param failure why it does not run by the configuration; empty if it does
     * @param answers whether it answers
     * @param sessions its sessions
     * @param changed whether it was given the configuration just now
     */
    record Seen(Optional<String> failure, boolean answers, List<SessionState> sessions, boolean changed) {}

    /** Has BIRD run by the configuration, unless it does, and asks it how the sessions are. */
    Seen look(String configuration) throws InterruptedException {
        boolean changed = false;
        if (!refused.equals(Optional.of(configuration)) || System.nanoTime() - again >= 0) {
            changed = tryOut(configuration);
        }
        try {
            List<SessionState> sessions = bird.sessions();
            follow(sessions);
            return new Seen(failure, true, sessions, changed);
        } catch (BirdException e) {
            // That it does not run is the failure, and is said; if it has died just now, the next look starts it.
            follow(List.of());
            return new Seen(failure, false, List.of(), changed);
        }
    }

    /** Returns whether BIRD has begun to run by the configuration. */
    private boolean tryOut(String configuration) throws InterruptedException {
        if (!bird.isRunning() && ListeningPorts.isTaken(PROC, BgpPeer.PORT)) {
            refuse(
                    configuration,
                    "another program listens at TCP port " + BgpPeer.PORT
                            + " of this host, perhaps a BIRD, FRR or GoBGP of its own ('ss -ltnp sport = :"
                            + BgpPeer.PORT + "' names it); end it, or set bgp to false");
            return false;
        }
        try {
            Bird.Outcome outcome = bird.apply(configuration);
            failure = Optional.empty();
            refused = Optional.empty();
            pause = FIRST_PAUSE;
            return switch (outcome) {
                case UNCHANGED -> false;
                case RECONFIGURED -> {
                    LOG.atInfo().log("bgp-reconfigured");
                    yield true;
                }
                case STARTED -> {
                    metrics.started();
                    LOG.atInfo().log("bgp-started");
                    yield true;
                }
            };
        } catch (BirdException e) {
            refuse(configuration, String.valueOf(e.getMessage()));
            return false;
        }
    }

    private void refuse(String configuration, String reason) {
        if (!failure.equals(Optional.of(reason))) {
            LOG.atError().addKeyValue("reason", reason).log("bgp-not-in-force");
        }
        failure = Optional.of(reason);
        if (refused.equals(Optional.of(configuration))) {
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        } else {
            pause = FIRST_PAUSE;
        }
        refused = Optional.of(configuration);
        again = System.nanoTime() + pause.toNanos();
    }

    /** Logs which sessions have come and gone. */
    private void follow(List<SessionState> sessions) {
        Map<String, Boolean> now = new HashMap<>();
        for (SessionState session : sessions) {
            now.put(session.name(), session.established());
            boolean before = established.getOrDefault(session.name(), false);
            if (session.established() && !before) {
                LOG.atInfo().addKeyValue("session", session.name()).log("bgp-session-up");
            } else if (!session.established() && before) {
                metrics.lost(session.name());
                LOG.atWarn()
                        .addKeyValue("session", session.name())
                        .addKeyValue("reason", session.lastError().orElse(""))
                        .log("bgp-session-down");
            }
        }
        established = now;
    }
}
