package dev.ikat.policy;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * The labels of an object.
 *
 * @param values value by key, sorted by key
 */
public record Labels(Map<String, String> values) {
    /** No labels. */
    public static final Labels NONE = new Labels(Map.of());

    public Labels {
        values = Collections.unmodifiableMap(new TreeMap<>(values));
        values.forEach((key, value) -> {
            Names.requireLabelKey(key, key);
            Names.requireLabelValue(key, value);
        });
    }

    /** One or more labels: key, value, key, value. */
    public static Labels of(String... keysAndValues) {
        if (keysAndValues.length % 2 != 0) {
            throw new IllegalArgumentException(
                    "the label key '" + keysAndValues[keysAndValues.length - 1] + "' lacks its value");
        }
        Map<String, String> values = new TreeMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            values.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return new Labels(values);
    }

    /** These labels, and this one in place of any of its key. */
    public Labels with(String key, String value) {
        Map<String, String> all = new TreeMap<>(values);
        all.put(key, value);
        return new Labels(all);
    }

    /** As in {@code app=web,tier=front}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        values.forEach((key, value) ->
                text.append(text.isEmpty() ? "" : ",").append(key).append('=').append(value));
        return text.toString();
    }
}
