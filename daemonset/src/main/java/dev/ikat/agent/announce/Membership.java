package dev.ikat.agent.announce;

import dev.ikat.agent.announce.Heartbeat.Standing;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Which nodes take part in announcing on one link, as this node hears them, and its own part in it.
 *
 * <p>A node says itself whether it takes addresses, so the others agree on that as long as they hear it. One that falls
 * silent is given up by whoever no longer hears it. If it was not dead, it is told so, and begins anew: it takes no
 * addresses until {@link #HOLD_DOWN} is over, so that a node that comes and goes moves each address once. A node that
 * could not run for a while begins anew by itself. Of two nodes that have given each other up, one begins anew.
 *
 * <p>It knows no clock and no socket: times are nanoseconds, as {@link System#nanoTime} counts. Not thread-safe.
 */
final class Membership {
    /** How often a node says that it is there. */
    static final Duration INTERVAL = Duration.ofMillis(200);

    /** For so long nothing may be heard of a node: three intervals. */
    static final Duration SILENCE = INTERVAL.multipliedBy(3);

    /** How long a node listens before it takes addresses where nobody else has any. */
    static final Duration LISTENING = Duration.ofSeconds(1);

    /** How long it waits where others have them. */
    static final Duration HOLD_DOWN = Duration.ofSeconds(10);

    /** For so long a node that was given up is told so. */
    static final Duration MEMORY = Duration.ofMinutes(1);

    private final String self;
    private final LongSupplier incarnations;
    private final Map<String, Peer> peers = new HashMap<>();
    /** Empty while this node does not take part. */
    private Optional<Part> part = Optional.empty();

    private boolean everHeard;
    private long woken;

    /** This node's own part. */
    private record Part(long incarnation, Standing standing, long since) {}

    /** Another node, as it was last heard. */
    private record Peer(long incarnation, Standing standing, MacAddress mac, long heard, boolean givenUp) {
        boolean isActive() {
            return standing == Standing.ACTIVE && !givenUp;
        }

        boolean isSilent(Duration limit, long now) {
            return now - heard > limit.toNanos();
        }
    }

    /**
     * @param self this node's name
     * @param incarnations any numbers, rarely the same twice
     */
    Membership(String self, LongSupplier incarnations, long now) {
        this.self = self;
        this.incarnations = incarnations;
        this.woken = now;
    }

    /** This node begins to take part, if it does not yet. */
    void join(long now) {
        if (part.isEmpty()) {
            begin(now);
        }
    }

    private void begin(long now) {
        part = Optional.of(new Part(incarnations.getAsLong(), Standing.JOINING, now));
        // What was silent before is no longer known to be dead, or to be told so.
        peers.values().removeIf(Peer::givenUp);
    }

    /** This node no longer takes part; the last heartbeat, if it did. */
    Optional<Heartbeat> leave(IpAddress address) {
        Optional<Heartbeat> last =
                part.map(now -> new Heartbeat(self, address, now.incarnation(), Standing.LEAVING, Map.of()));
        part = Optional.empty();
        return last;
    }

    /**
     * To be called first whenever this node's thread runs. If it could not for longer than the others wait for a
     * heartbeat, they have given this node up, and their own heartbeats wait unread: nobody counts as silent for that.
     */
    void wake(long now) {
        if (now - woken > SILENCE.toNanos()) {
            boolean othersAreActive = peers.values().stream().anyMatch(Peer::isActive);
            peers.replaceAll((_, peer) ->
                    peer.givenUp() ? peer : new Peer(peer.incarnation, peer.standing, peer.mac, now, false));
            if (othersAreActive && part.isPresent()) {
                begin(now);
            }
        }
        woken = now;
    }

    /** A heartbeat of another node of the cluster has arrived from this station. */
    void hear(Heartbeat heartbeat, MacAddress from, long now) {
        if (heartbeat.node().equals(self)) {
            return;
        }
        everHeard = true;
        Peer before = peers.get(heartbeat.node());
        boolean givenUp = before != null && before.givenUp && before.incarnation == heartbeat.incarnation();
        if (isToldToBeginAnew(heartbeat, givenUp)) {
            begin(now);
            givenUp = false;
        }
        if (heartbeat.standing() == Standing.LEAVING) {
            peers.remove(heartbeat.node());
        } else {
            peers.put(heartbeat.node(), new Peer(heartbeat.incarnation(), heartbeat.standing(), from, now, givenUp));
        }
    }

    private boolean isToldToBeginAnew(Heartbeat heartbeat, boolean mutual) {
        Optional<Long> own =
                part.filter(now -> now.standing() == Standing.ACTIVE).map(Part::incarnation);
        boolean told = heartbeat.standing() == Standing.ACTIVE
                && own.isPresent()
                && own.get().equals(heartbeat.givenUp().get(Heartbeat.hash(self)));
        return told && (!mutual || heartbeat.incarnation() < own.get());
    }

    /** To be called after everything that has arrived was heard. */
    void settle(long now) {
        peers.values()
                .removeIf(peer -> peer.givenUp
                        ? peer.isSilent(MEMORY, now)
                        : peer.standing != Standing.ACTIVE && peer.isSilent(SILENCE, now));
        peers.replaceAll((_, peer) -> peer.isSilent(SILENCE, now)
                ? new Peer(peer.incarnation, peer.standing, peer.mac, peer.heard, true)
                : peer);
        part = part.map(mine -> mine.standing() == Standing.JOINING && hasWaited(mine, now)
                ? new Part(mine.incarnation(), Standing.ACTIVE, now)
                : mine);
    }

    private boolean hasWaited(Part mine, long now) {
        Duration wait = peers.values().stream().anyMatch(Peer::isActive) ? HOLD_DOWN : LISTENING;
        return now - mine.since() >= wait.toNanos();
    }

    /** What this node has to say now; empty if it does not take part. */
    Optional<Heartbeat> beat(IpAddress address) {
        return part.map(mine -> new Heartbeat(self, address, mine.incarnation(), mine.standing(), givenUp()));
    }

    private Map<Long, Long> givenUp() {
        Map<Long, Long> told = new LinkedHashMap<>();
        peers.entrySet().stream()
                .filter(peer -> peer.getValue().givenUp)
                .sorted((one, other) -> Long.compare(other.getValue().heard, one.getValue().heard))
                .limit(Heartbeat.MOST_GIVEN_UP)
                .forEach(peer -> told.put(Heartbeat.hash(peer.getKey()), peer.getValue().incarnation));
        return told;
    }

    /** This node's standing; empty if it does not take part. */
    Optional<Standing> standing() {
        return part.map(Part::standing);
    }

    /** The nodes that take addresses, this one among them if it does. */
    SortedSet<String> active() {
        SortedSet<String> active = new TreeSet<>();
        peers.forEach((name, peer) -> {
            if (peer.isActive()) {
                active.add(name);
            }
        });
        part.filter(mine -> mine.standing() == Standing.ACTIVE).ifPresent(_ -> active.add(self));
        return active;
    }

    /** The other nodes that are heard, whatever they do. */
    SortedSet<String> heard() {
        SortedSet<String> heard = new TreeSet<>();
        peers.forEach((name, peer) -> {
            if (!peer.givenUp) {
                heard.add(name);
            }
        });
        return heard;
    }

    /** The stations that other nodes are known by. */
    Set<MacAddress> stations() {
        return peers.values().stream().map(Peer::mac).collect(Collectors.toUnmodifiableSet());
    }

    /** Whether any other node has ever been heard: if not, it may be that heartbeats don't pass on this link. */
    boolean hasEverHeard() {
        return everHeard;
    }
}
