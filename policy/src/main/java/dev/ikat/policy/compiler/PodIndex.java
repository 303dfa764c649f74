package dev.ikat.policy.compiler;

import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The pods of one namespace by their labels. */
final class PodIndex {
    /** By key and value. */
    private final Map<String, Map<String, Set<PodRecord>>> pods = new HashMap<>();

    private final Collection<PodRecord> all;

    /** @param all a view of all the pods */
    PodIndex(Collection<PodRecord> all) {
        this.all = all;
    }

    void add(Labels labels, PodRecord pod) {
        labels.forEach((key, value) -> pods.computeIfAbsent(key, _ -> new HashMap<>())
                // Most sets have one pod: a label with the pod's own name is common.
                .computeIfAbsent(value, _ -> new HashSet<>(2))
                .add(pod));
    }

    void remove(Labels labels, PodRecord pod) {
        labels.forEach((key, value) -> pods.computeIfPresent(key, (_, values) -> {
            values.computeIfPresent(value, (_, set) -> {
                set.remove(pod);
                return set.isEmpty() ? null : set;
            });
            return values.isEmpty() ? null : values;
        }));
    }

    /** Few pods among which all are that fulfil the requirements, in parts that share none. */
    List<? extends Collection<PodRecord>> candidates(Requirements requirements) {
        List<? extends Collection<PodRecord>> best = List.of(all);
        int fewest = all.size();
        for (Requirement requirement : requirements.all()) {
            if (requirement.operator() == Operator.IN) {
                Map<String, Set<PodRecord>> values = pods.getOrDefault(requirement.key(), Map.of());
                List<Set<PodRecord>> parts = new ArrayList<>();
                int size = 0;
                for (String value : requirement.values()) {
                    Set<PodRecord> part = values.getOrDefault(value, Set.of());
                    parts.add(part);
                    size += part.size();
                }
                if (size < fewest) {
                    fewest = size;
                    best = parts;
                }
            }
        }
        return best;
    }
}
