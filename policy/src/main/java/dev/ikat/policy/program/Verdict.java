package dev.ikat.policy.program;

import java.util.Objects;
import java.util.Optional;

/**
 * Whether this node lets a flow pass, and why. Each end that is a pod of this node is asked, also where the other end
 * has denied already.
 *
 * @param accepted whether it may pass
 * @param egress what the sender's program says; empty if the sender is no endpoint of this node, or is the receiver too
 * @param ingress what the receiver's program says; empty if the receiver is no endpoint of this node, or is the sender
 *     too
 */
public record Verdict(boolean accepted, Optional<Decision> egress, Optional<Decision> ingress) {
    public Verdict {
        Objects.requireNonNull(egress, "egress");
        Objects.requireNonNull(ingress, "ingress");
        boolean both = egress.map(Decision::accepted).orElse(true)
                && ingress.map(Decision::accepted).orElse(true);
        if (accepted != both) {
            throw new IllegalArgumentException("a flow passes if both of its ends accept it");
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
