package dev.ikat.agent.policy;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.model.IpAddress;
import dev.ikat.policy.program.Flow;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A packet that policy dropped, or the guard of sources.
 *
 * @param at when
 * @param cause why
 * @param flow who sent what to whom
 * @param pod the pod whose policy it was, or that the packet was to be spoofed by; empty where it is not known
 * @param peer the other end's address
 * @param peerPod the other end, where it is a known pod
 * @param policies the policies that isolate the pod and have no rule for this, or the one whose rule denies it; none
 *     where the program of now would let it pass
 */
public record Drop(
        Instant at,
        Cause cause,
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
        policies = List.copyOf(policies);
    }

    /** Why a packet was dropped. */
    public enum Cause {
        /** The receiver's policy does not let it in. */
        INGRESS("ingress"),
        /** The sender's policy does not let it out. */
        EGRESS("egress"),
        /** A pod sent it from an address that is not its own. */
        SPOOFED("spoofed"),
        /** It goes to an interface that has no policy yet, or no longer. */
        CLOSED("closed"),
        /** A pod sent it to the nodes' tunnels. */
        TUNNEL_FROM_POD("tunnel-from-pod"),
        /** Somebody who is no node sent it to the nodes' tunnels. */
        TUNNEL_FROM_STRANGER("tunnel-from-stranger"),
        /** Its source is one of a node's pods, or this node, and does not come this way. */
        SPOOFED_BLOCK("spoofed-node-block");

        private final String label;

        Cause(String label) {
            this.label = label;
        }

        /** Its name in metrics and log lines. */
        public String label() {
            return label;
        }
    }

    /** As in {@code drop=ingress pod=shop/web peer=10.1.0.2 (shop/client) protocol=TCP/80 policies=shop/deny}. */
    @Override
    public String toString() {
        String text = flow.toString();
        return "drop=" + cause.label()
                + " pod=" + pod.map(Drop::name).orElse("unknown")
                + " peer=" + peer + peerPod.map(key -> " (" + name(key) + ")").orElse("")
                + " protocol="
                + text.substring(text.lastIndexOf(flow.destination() + " ")
                        + flow.destination().toString().length()
                        + 1)
                + " policies="
                + (policies.isEmpty()
                        ? "none"
                        : policies.stream().map(Drop::name).collect(Collectors.joining(",")));
    }

    static String name(ObjectKey key) {
        return key.namespace().isEmpty() ? key.name() : key.namespace() + "/" + key.name();
    }
}
