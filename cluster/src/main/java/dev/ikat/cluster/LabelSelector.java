package dev.ikat.cluster;

import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Selects labels (meta/v1 LabelSelector): those that fulfil every requirement. Without requirements it selects every
 * object.
 *
 * @param matchLabels keys that must have exactly this value
 * @param matchExpressions further requirements
 */
public record LabelSelector(Labels matchLabels, List<Requirement> matchExpressions) {
    /** Every object. */
    public static final LabelSelector EVERYTHING = new LabelSelector(Labels.NONE, List.of());

    public LabelSelector {
        matchExpressions = List.copyOf(matchExpressions);
    }

    /** Selects objects with these labels: key, value, key, value. */
    public static LabelSelector of(String... keysAndValues) {
        return new LabelSelector(Labels.of(keysAndValues), List.of());
    }

    /** Whether the labels fulfil every requirement. */
    public boolean matches(Labels labels) {
        return matchLabels.values().entrySet().stream()
                        .allMatch(wanted -> wanted.getValue().equals(labels.value(wanted.getKey())))
                && matchExpressions.stream().allMatch(requirement -> requirement.matches(labels));
    }

    /** What a requirement demands of its key. */
    public enum Operator {
        /** The key has one of the values. */
        IN("In"),
        /** The key is absent, or has none of the values. */
        NOT_IN("NotIn"),
        /** The key is present. */
        EXISTS("Exists"),
        /** The key is absent. */
        DOES_NOT_EXIST("DoesNotExist");

        private final String title;

        Operator(String title) {
            this.title = title;
        }

        /** Kubernetes' name for it. */
        public String title() {
            return title;
        }

        private boolean takesValues() {
            return this == IN || this == NOT_IN;
        }
    }

    /**
     * A requirement on one key.
     *
     * @param key the label's key
     * @param operator what it demands
     * @param values at least one for {@code In} and {@code NotIn}, none for the others; sorted
     */
    public record Requirement(String key, Operator operator, Set<String> values) {
        public Requirement {
            Names.requireLabelKey("key", key);
            values = Collections.unmodifiableSet(new TreeSet<>(values));
            values.forEach(value -> Names.requireLabelValue("values", value));
            if (operator.takesValues() && values.isEmpty()) {
                throw new InvalidObjectException(
                        "values", "operator " + operator.title() + " needs at least one value");
            }
            if (!operator.takesValues() && !values.isEmpty()) {
                throw new InvalidObjectException("values", "operator " + operator.title() + " takes no values");
            }
        }

        /** Whether the labels fulfil it. */
        public boolean matches(Labels labels) {
            String value = labels.value(key);
            return switch (operator) {
                case IN -> value != null && values.contains(value);
                case NOT_IN -> value == null || !values.contains(value);
                case EXISTS -> value != null;
                case DOES_NOT_EXIST -> value == null;
            };
        }
    }
}
