package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.dataplane.DropCause;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Flow;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A packet that a policy or the source guard dropped.
 *
 * @param at when it was dropped
 * @param cause why
 * @param flow its addresses, protocol and port
 * @param pod the pod whose policy it was, or which the packet claimed to come from; empty if not known
 * @param peer the other end's address
 * @param peerPod the other end, if it is a known pod
 * @param policies the policies that isolate the pod and have no rule for this packet, or the one whose rule denies it,
 *     sorted; none if the current program would allow it
 */
public record Drop(
        Instant at,
        DropCause cause,
        Flow flow,
        Optional<ObjectKey> pod,
        IpAddress peer,
        Optional<ObjectKey> peerPod,
        List<ObjectKey> policies) {
    public Drop {
        Objects.requireNonNull(at, "at");
        Objects.requireNonNull(cause, "cause");
        Objects.requireNonNull(flow, "flow");
        Objects.requireNonNull(pod, "pod");
        Objects.requireNonNull(peer, "peer");
        Objects.requireNonNull(peerPod, "peerPod");
        policies = policies.stream().sorted().toList();
    }

    /** {@code ingress} or {@code egress} if a pod's policies dropped it; otherwise empty. */
    String direction() {
        return switch (cause) {
            case INGRESS, EGRESS -> cause.label();
            case SPOOFED, CLOSED, TUNNEL_FROM_POD, TUNNEL_FROM_STRANGER, SPOOFED_BLOCK -> "";
        };
    }

    /**
     * The drop as pairs for the log, in their order, as in {@code drop=ingress pod=shop/web peer="10.1.0.2
     * (shop/client)" protocol=TCP/80 policies=shop/deny}.
     */
    SequencedMap<String, String> pairs() {
        String text = flow.toString();
        SequencedMap<String, String> pairs = new LinkedHashMap<>();
        pairs.put("drop", cause.label());
        pairs.put("pod", pod.map(Drop::name).orElse("unknown"));
        pairs.put("peer", peer + peerPod.map(key -> " (" + name(key) + ")").orElse(""));
        pairs.put(
                "protocol",
                text.substring(text.lastIndexOf(flow.destination() + " ")
                        + flow.destination().toString().length()
                        + 1));
        pairs.put(
                "policies",
                policies.isEmpty() ? "none" : policies.stream().map(Drop::name).collect(Collectors.joining(",")));
        return pairs;
    }

    static String name(ObjectKey key) {
        return key.namespace().isEmpty() ? key.name() : key.namespace() + "/" + key.name();
    }
}
