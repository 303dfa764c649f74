package dev.ikat.policy.compiler;

import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Things that select by labels, found from the labels: each is kept under one requirement that labels must fulfil, so
 * that labels are compared only with what has a chance.
 */
final class SelectorIndex<T> {
    /** By key and value. */
    private final Map<String, Map<String, Set<T>>> needingValue = new HashMap<>();

    private final Map<String, Set<T>> needingKey = new HashMap<>();
    private final Set<T> needingNothing = new HashSet<>();

    void add(Requirements requirements, T selecting) {
        Optional<Requirement> anchor = anchor(requirements);
        if (anchor.isEmpty()) {
            needingNothing.add(selecting);
        } else if (anchor.get().operator() == Operator.EXISTS) {
            needingKey.computeIfAbsent(anchor.get().key(), _ -> new HashSet<>()).add(selecting);
        } else {
            Map<String, Set<T>> values =
                    needingValue.computeIfAbsent(anchor.get().key(), _ -> new HashMap<>());
            anchor.get()
                    .values()
                    .forEach(value ->
                            values.computeIfAbsent(value, _ -> new HashSet<>()).add(selecting));
        }
    }

    void remove(Requirements requirements, T selecting) {
        Optional<Requirement> anchor = anchor(requirements);
        if (anchor.isEmpty()) {
            needingNothing.remove(selecting);
        } else if (anchor.get().operator() == Operator.EXISTS) {
            removeFrom(needingKey, anchor.get().key(), selecting);
        } else {
            needingValue.computeIfPresent(anchor.get().key(), (_, values) -> {
                anchor.get().values().forEach(value -> removeFrom(values, value, selecting));
                return values.isEmpty() ? null : values;
            });
        }
    }

    private static <T> void removeFrom(Map<String, Set<T>> map, String key, T selecting) {
        map.computeIfPresent(key, (_, set) -> {
            set.remove(selecting);
            return set.isEmpty() ? null : set;
        });
    }

    /** The requirement with the fewest values, or one that a key is there. */
    private static Optional<Requirement> anchor(Requirements requirements) {
        Optional<Requirement> best = Optional.empty();
        for (Requirement requirement : requirements.all()) {
            boolean better = switch (requirement.operator()) {
                case IN ->
                    best.isEmpty()
                            || best.get().operator() == Operator.EXISTS
                            || requirement.values().size() < best.get().values().size();
                case EXISTS -> best.isEmpty();
                case NOT_IN, DOES_NOT_EXIST -> false;
            };
            if (better) {
                best = Optional.of(requirement);
            }
        }
        return best;
    }

    /** Each thing, once, whose selector these labels may fulfil; all that they do fulfil are among them. */
    void candidates(Labels labels, Consumer<T> visitor) {
        needingNothing.forEach(visitor);
        labels.forEach((key, value) -> {
            Map<String, Set<T>> values = needingValue.get(key);
            if (values != null) {
                values.getOrDefault(value, Set.of()).forEach(visitor);
            }
            needingKey.getOrDefault(key, Set.of()).forEach(visitor);
        });
    }
}
