package dev.ikat.policy.program;

import dev.ikat.cluster.ObjectKey;
import java.util.List;
import java.util.Objects;

/**
 * One tier's rules for one direction of one pod: the first that matches decides.
 *
 * @param tier the tier
 * @param rules in order
 * @param otherwise what is done if no rule matches: {@code DENY} if a NetworkPolicy isolates the pod, otherwise
 *     {@code PASS}
 * @param isolatedBy the policies because of which {@code otherwise} is a denial, in order; empty if it is not
 */
public record TierProgram(Tier tier, List<CompiledRule> rules, Action otherwise, List<ObjectKey> isolatedBy) {
    public TierProgram {
        Objects.requireNonNull(tier, "tier");
        Objects.requireNonNull(otherwise, "otherwise");
        rules = List.copyOf(rules);
        isolatedBy = List.copyOf(isolatedBy);
    }
}
