package dev.ikat.policy.compiler;

import dev.ikat.policy.LabelSelector.Operator;
import dev.ikat.policy.LabelSelector.Requirement;
import dev.ikat.policy.Labels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The pods of the cluster by their labels. */
final class PodIndex {
    /** By key and value. */
    private final Map<String, Map<String, Set<PodRecord>>> pods = new HashMap<>();

    void add(Labels labels, PodRecord pod) {
        labels.values()
                .forEach((key, value) -> pods.computeIfAbsent(key, _ -> new HashMap<>())
                        // Most sets have one pod: a label with the pod's own name is common.
                        .computeIfAbsent(value, _ -> new HashSet<>(2))
                        .add(pod));
    }

    void remove(Labels labels, PodRecord pod) {
        labels.values()
                .forEach((key, value) -> pods.computeIfPresent(key, (_, values) -> {
                    values.computeIfPresent(value, (_, set) -> {
                        set.remove(pod);
                        return set.isEmpty() ? null : set;
                    });
                    return values.isEmpty() ? null : values;
                }));
    }

    /**
     * The fewest pods among which all are that fulfil the requirements, in parts that share none; empty if only a look
     * at every pod would tell.
     */
    Optional<List<Set<PodRecord>>> candidates(Requirements requirements) {
        Optional<List<Set<PodRecord>>> best = Optional.empty();
        int fewest = Integer.MAX_VALUE;
        for (Requirement requirement : requirements.all()) {
            if (requirement.operator() == Operator.IN) {
                Map<String, Set<PodRecord>> values = pods.getOrDefault(requirement.key(), Map.of());
                List<Set<PodRecord>> parts = new ArrayList<>();
                requirement.values().forEach(value -> parts.add(values.getOrDefault(value, Set.of())));
                int size = parts.stream().mapToInt(Set::size).sum();
                if (size < fewest) {
                    fewest = size;
                    best = Optional.of(parts);
                }
            }
        }
        return best;
    }
}
