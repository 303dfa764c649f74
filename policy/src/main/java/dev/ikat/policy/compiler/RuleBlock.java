package dev.ikat.policy.compiler;

import dev.ikat.policy.program.CompiledRule;
import java.util.List;

/** One policy's rules for one direction, shared by all endpoints for which they read the same. */
final class RuleBlock {
    final PolicyRecord policy;
    final List<CompiledRule> rules;

    /** The sets that the rules refer to, each once. */
    final List<LiveSet> sets;

    /** How many endpoints' programs it is in. */
    int uses;

    RuleBlock(PolicyRecord policy, List<CompiledRule> rules, List<LiveSet> sets) {
        this.policy = policy;
        this.rules = rules;
        this.sets = List.copyOf(sets);
    }
}
