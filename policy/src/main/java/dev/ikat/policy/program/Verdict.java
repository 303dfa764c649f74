package dev.ikat.policy.program;

import java.util.Objects;
import java.util.Optional;

/**
 * Whether this node allows a flow to pass, and why. Each end that is a pod of this node is asked, even if the other end
 * has already denied the flow.
 *
 * @param accepted whether it may pass
 * @param egress the decision of the sender's program; empty if the sender is not an endpoint of this node, or is also
 *     the receiver
 * @param ingress the decision of the receiver's program; empty if the receiver is not an endpoint of this node, or is
 *     also the sender
 */
public record Verdict(boolean accepted, Optional<Decision> egress, Optional<Decision> ingress) {
    public Verdict {
        Objects.requireNonNull(egress, "egress");
        Objects.requireNonNull(ingress, "ingress");
        boolean both = egress.map(Decision::accepted).orElse(true)
                && ingress.map(Decision::accepted).orElse(true);
        if (accepted != both) {
            throw new IllegalArgumentException(
                    "inconsistent verdict: a flow passes if, and only if, both of its ends accept it");
        }
    }

    static Verdict of(Optional<Decision> egress, Optional<Decision> ingress) {
        boolean accepted = egress.map(Decision::accepted).orElse(true)
                && ingress.map(Decision::accepted).orElse(true);
        return new Verdict(accepted, egress, ingress);
    }

    /** In words, with the reasons of both ends. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(accepted ? "accepted" : "denied");
        egress.ifPresent(decision -> text.append("; ").append(decision));
        ingress.ifPresent(decision -> text.append("; ").append(decision));
        return text.toString();
    }
}
