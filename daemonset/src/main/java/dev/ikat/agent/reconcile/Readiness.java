package dev.ikat.agent.reconcile;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Whether pods can be given a working network, and if not, why. Each part of the agent reports for itself; all start
 * with a reason not to be ready. Thread-safe.
 */
public final class Readiness {
    private final Map<Part, String> reasons = new EnumMap<>(Part.class);

    /** The parts that all have to be in order. */
    public enum Part {
        /** This node's object and its content. */
        NODE,
        /** The source guard; before there are paths. */
        GUARD,
        /** The kernel forwards packets. */
        FORWARDING,
        /** The paths to the other nodes' pods. */
        OVERLAY,
        /** Masquerade of packets that leave the cluster. */
        MASQUERADE,
        /** What pods may send and receive. */
        POLICY,
        /** Connections to services reach their backends, where that is Ikat's task. */
        SERVICES,
        /** The host's own firewall lets pods' packets pass. */
        FIREWALL,
        /** What earlier agents left incomplete. */
        PODS,
        /** The launcher's socket, and everything else in the run directory. */
        SOCKET,
        /** The network configuration by which the runtime knows Ikat; it is written when all else is in order. */
        CONFLIST
    }

    public Readiness() {
        for (Part part : Part.values()) {
            reasons.put(part, "not checked yet");
        }
    }

    /** The part is in order. */
    public synchronized void ready(Part part) {
        reasons.remove(part);
    }

    /** The part is not in order, and this is why. */
    public synchronized void notReady(Part part, String reason) {
        reasons.put(part, reason);
    }

    public synchronized boolean isReady() {
        return reasons.isEmpty();
    }

    /** Whether all but these parts are in order. */
    public synchronized boolean isReadyBut(Part... parts) {
        return Set.of(parts).containsAll(reasons.keySet());
    }

    /** One line for each part that is not in order. */
    public synchronized List<String> reasons() {
        List<String> lines = new ArrayList<>();
        reasons.forEach((part, reason) -> lines.add(part.name().toLowerCase(Locale.ROOT) + ": " + reason));
        return lines;
    }
}
