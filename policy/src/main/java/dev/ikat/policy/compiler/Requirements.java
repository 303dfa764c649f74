package dev.ikat.policy.compiler;

import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.LabelSelector.Operator;
import dev.ikat.cluster.LabelSelector.Requirement;
import dev.ikat.cluster.Labels;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A label selector in the one form that all its spellings share: {@code matchLabels} are requirements of one value, in
 * order, each once. So selectors that are written differently and mean the same are mostly equal.
 *
 * @param all every one of them is to be fulfilled
 */
record Requirements(List<Requirement> all) {
    /** Fulfilled by everything. */
    static final Requirements NONE = new Requirements(List.of());

    private static final Comparator<Requirement> ORDER = Comparator.comparing(Requirement::key)
            .thenComparing(Requirement::operator)
            .thenComparing(requirement -> String.join(",", requirement.values()));

    Requirements {
        all = List.copyOf(all);
    }

    static Requirements of(LabelSelector selector) {
        if (selector.equals(LabelSelector.EVERYTHING)) {
            return NONE;
        }
        Set<Requirement> sorted = new TreeSet<>(ORDER);
        selector.matchLabels().forEach((key, value) -> sorted.add(new Requirement(key, Operator.IN, Set.of(value))));
        sorted.addAll(selector.matchExpressions());
        return new Requirements(List.copyOf(sorted));
    }

    /** Whether everything fulfils them. */
    boolean isEmpty() {
        return all.isEmpty();
    }

    /** Whether these labels fulfil them. */
    boolean matches(Labels labels) {
        for (Requirement requirement : all) {
            if (!requirement.matches(labels)) {
                return false;
            }
        }
        return true;
    }

    /** As kubectl takes it for {@code --selector}: {@code app=web,tier in (a,b),!old}; empty if there are none. */
    @Override
    public String toString() {
        return all.stream().map(Requirements::text).collect(Collectors.joining(","));
    }

    private static String text(Requirement requirement) {
        String values = String.join(",", requirement.values());
        return switch (requirement.operator()) {
            case IN ->
                requirement.values().size() == 1
                        ? requirement.key() + "=" + values
                        : requirement.key() + " in (" + values + ")";
            case NOT_IN ->
                requirement.values().size() == 1
                        ? requirement.key() + "!=" + values
                        : requirement.key() + " notin (" + values + ")";
            case EXISTS -> requirement.key();
            case DOES_NOT_EXIST -> "!" + requirement.key();
        };
    }
}
