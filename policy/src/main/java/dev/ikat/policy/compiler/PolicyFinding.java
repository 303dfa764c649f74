package dev.ikat.policy.compiler;

import dev.ikat.cluster.ObjectKey;

/**
 * Something in a policy that is valid and has no effect, which its author hardly meant.
 *
 * @param policy the policy
 * @param field where in it, as in {@code spec.ingress[0].from[1].podSelector}
 * @param text what is wrong there
 */
public record PolicyFinding(ObjectKey policy, String field, String text) {}
