package dev.ikat.policy.compiler;

import dev.ikat.cluster.NetworkPolicy;
import dev.ikat.cluster.NetworkPolicy.Direction;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Pod;
import dev.ikat.policy.compiler.SetMeaning.PortOfName;
import dev.ikat.policy.program.CompiledRule;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** A policy, and its rules as far as endpoints of this node are held to them. */
final class PolicyRecord {
    final NetworkPolicy policy;
    final ObjectKey key;
    final Requirements selector;
    private final List<PortOfName> ingressNames;
    private final Map<Variant, RuleBlock> blocks = new HashMap<>();

    /** What rules can differ by between pods: the direction, and the numbers (0 for none) of the ports' names. */
    private record Variant(Direction direction, List<Integer> ports) {}

    PolicyRecord(NetworkPolicy policy, ObjectKey key) {
        this.policy = policy;
        this.key = key;
        this.selector = Requirements.of(policy.podSelector());
        this.ingressNames = RuleTranslation.ingressPortNames(policy);
    }

    /** Whether it could mean something else for a pod once the pod is known. */
    boolean awaitsPod() {
        return !selector.isEmpty() || !ingressNames.isEmpty();
    }

    boolean selects(Optional<Pod> pod) {
        return pod.map(known -> selector.matches(known.labels())).orElse(selector.isEmpty());
    }

    /** Its rules for a pod. */
    RuleBlock block(Direction direction, Optional<Pod> pod, Function<SetMeaning, LiveSet> sets) {
        List<Integer> ports = direction == Direction.EGRESS
                ? List.of()
                : ingressNames.stream()
                        .map(named -> pod.flatMap(known -> known.port(named.name(), named.protocol()))
                                .orElse(0))
                        .toList();
        return blocks.computeIfAbsent(new Variant(direction, ports), _ -> {
            Set<LiveSet> used = new LinkedHashSet<>();
            RuleTranslation translation = new RuleTranslation(policy, key, meaning -> {
                LiveSet set = sets.apply(meaning);
                used.add(set);
                return set.id;
            });
            List<CompiledRule> rules = direction == Direction.INGRESS ? translation.ingress(pod) : translation.egress();
            return new RuleBlock(this, rules, List.copyOf(used));
        });
    }

    /** Forgets the rules that are in no program: their sets may be gone. */
    void dropUnused() {
        blocks.values().removeIf(block -> block.uses == 0);
    }
}
