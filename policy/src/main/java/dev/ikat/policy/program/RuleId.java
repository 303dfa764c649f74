package dev.ikat.policy.program;

import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import java.util.Objects;

/**
 * Identifies a rule of a policy as a user finds it in the manifest.
 *
 * @param policy the object that contains the rule
 * @param direction the list that contains it
 * @param index its position in that list, from 0
 */
public record RuleId(ObjectKey policy, Direction direction, int index) {
    public RuleId {
        Objects.requireNonNull(policy, "policy");
        Objects.requireNonNull(direction, "direction");
        if (index < 0) {
            throw new IllegalArgumentException("invalid index of a rule: " + index);
        }
    }

    /** As in {@code NetworkPolicy shop/web ingress[0]}. */
    @Override
    public String toString() {
        return policy + " " + direction.title().toLowerCase(java.util.Locale.ROOT) + "[" + index + "]";
    }
}
