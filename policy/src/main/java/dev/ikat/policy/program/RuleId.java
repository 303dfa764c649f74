package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import java.util.Objects;

/**
 * Which rule of which policy: what a person finds in their manifest.
 *
 * @param policy the object that has the rule
 * @param direction the list that it is in
 * @param index its place there, from 0
 */
public record RuleId(ObjectKey policy, Direction direction, int index) {
    public RuleId {
        Objects.requireNonNull(policy, "policy");
        Objects.requireNonNull(direction, "direction");
        if (index < 0) {
            throw new IllegalArgumentException("a rule has no index " + index);
        }
    }

    /** As in {@code NetworkPolicy shop/web ingress[0]}. */
    @Override
    public String toString() {
        return policy + " " + direction.title().toLowerCase(java.util.Locale.ROOT) + "[" + index + "]";
    }
}
