package dev.ikat.cluster;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which labels are meant (meta/v1 LabelSelector): those that fulfil every requirement. Without requirements it means
 * every object.
 *
 * @param matchLabels keys that must be there with just this value
 * @param matchExpressions further requirements
 */
public record LabelSelector(Labels matchLabels, List<Requirement> matchExpressions) {
    /** Every object. */
    public static final LabelSelector EVERYTHING = new LabelSelector(Labels.NONE, List.of());

    public LabelSelector {
        matchExpressions = List.copyOf(matchExpressions);
    }

    /** Objects with these labels: key, value, key, value. */
    public static LabelSelector of(String... keysAndValues) {
        return new LabelSelector(Labels.of(keysAndValues), List.of());
    }

    /** Whether the labels fulfil every requirement. */
    public boolean matches(Labels labels) {
        for (Map.Entry<String, String> wanted : matchLabels.values().entrySet()) {
            if (!wanted.getValue().equals(labels.value(wanted.getKey()))) {
                return false;
            }
        }
        for (Requirement requirement : matchExpressions) {
            if (!requirement.matches(labels)) {
                return false;
            }
        }
        return true;
    }

    /** How a requirement looks at its key. */
    public enum Operator {
        /** The key is there with one of the values. */
        IN("In"),
        /** The key is not there, or with none of the values. */
        NOT_IN("NotIn"),
        /** The key is there. */
        EXISTS("Exists"),
        /** The key is not there. */
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
     * What must hold for one key.
     *
     * @param key the label's key
     * @param operator how it is looked at
     * @param values at least one for {@code In} and {@code NotIn}, none for the others; sorted
     */
    public record Requirement(String key, Operator operator, Set<String> values) {
        public Requirement {
            Names.requireLabelKey("key", key);
            values = Collections.unmodifiableSet(new TreeSet<>(values));
            values.forEach(value -> Names.requireLabelValue("values", value));
            if (operator.takesValues() && values.isEmpty()) {
                throw new InvalidObjectException("values", "operator " + operator.title() + " needs at least one");
            }
            if (!operator.takesValues() && !values.isEmpty()) {
                throw new InvalidObjectException("values", "operator " + operator.title() + " takes none");
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
