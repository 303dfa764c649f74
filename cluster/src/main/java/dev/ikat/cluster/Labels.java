package dev.ikat.cluster;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The labels of an object. Immutable, and stored as one array: a cluster has as many instances as it has different
 * pods, and an object has so few labels that a linear search is faster than any tree.
 */
public final class Labels {
    /** No labels. */
    public static final Labels NONE = new Labels(new String[0]);

    /** Key, value, key, value, sorted by key. */
    private final String[] texts;

    private Labels(String[] texts) {
        this.texts = texts;
    }

    /**
     * These labels.
     *
     * @throws InvalidObjectException if a key or value is invalid
     */
    public Labels(Map<String, String> values) {
        this(texts(values));
    }

    private static String[] texts(Map<String, String> values) {
        String[] texts = new String[2 * values.size()];
        int i = 0;
        for (Map.Entry<String, String> label : new TreeMap<>(values).entrySet()) {
            Names.requireLabelKey(label.getKey(), label.getKey());
            Names.requireLabelValue(label.getKey(), label.getValue());
            texts[i++] = label.getKey();
            texts[i++] = label.getValue();
        }
        return texts;
    }

    /** One or more labels: key, value, key, value. */
    public static Labels of(String... keysAndValues) {
        if (keysAndValues.length % 2 != 0) {
            throw new IllegalArgumentException(
                    "the label key '" + keysAndValues[keysAndValues.length - 1] + "' has no value");
        }
        Map<String, String> values = new TreeMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            values.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return new Labels(values);
    }

    /** These labels and this one, which replaces any of the same key. */
    public Labels with(String key, String value) {
        Map<String, String> all = new TreeMap<>(values());
        all.put(key, value);
        return new Labels(all);
    }

    /** The same labels with other instances of their strings: {@code shared} returns an equal one for each. */
    public Labels sharing(UnaryOperator<String> shared) {
        String[] others = new String[texts.length];
        for (int i = 0; i < texts.length; i++) {
            others[i] = shared.apply(texts[i]);
            if (!others[i].equals(texts[i])) {
                throw new IllegalArgumentException("'" + others[i] + "' is not '" + texts[i] + "'");
            }
        }
        return new Labels(others);
    }

    /** Whether there are none. */
    public boolean isEmpty() {
        return texts.length == 0;
    }

    /** The value of a key; null if there is no such key. */
    @Nullable
    String value(String key) {
        for (int i = 0; i < texts.length; i += 2) {
            if (texts[i].equals(key)) {
                return texts[i + 1];
            }
        }
        return null;
    }

    /** Visits each key and its value, sorted by key. */
    public void forEach(BiConsumer<String, String> visitor) {
        for (int i = 0; i < texts.length; i += 2) {
            visitor.accept(texts[i], texts[i + 1]);
        }
    }

    /** Value by key, sorted by key: a view, created for the call. */
    public Map<String, String> values() {
        return new View();
    }

    private final class View extends AbstractMap<String, String> {
        @Override
        public @Nullable String get(@Nullable Object key) {
            return key instanceof String text ? value(text) : null;
        }

        @Override
        public boolean containsKey(@Nullable Object key) {
            return get(key) != null;
        }

        @Override
        public Set<Entry<String, String>> entrySet() {
            return new AbstractSet<>() {
                @Override
                public Iterator<Entry<String, String>> iterator() {
                    return new Walk();
                }

                @Override
                public int size() {
                    return texts.length / 2;
                }
            };
        }
    }

    private final class Walk implements Iterator<Map.Entry<String, String>> {
        private int next;

        @Override
        public boolean hasNext() {
            return next < texts.length;
        }

        @Override
        public Map.Entry<String, String> next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            next += 2;
            return Map.entry(texts[next - 2], texts[next - 1]);
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other == this || (other instanceof Labels labels && Arrays.equals(texts, labels.texts));
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(texts);
    }

    /** As in {@code app=web,tier=front}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        forEach((key, value) ->
                text.append(text.isEmpty() ? "" : ",").append(key).append('=').append(value));
        return text.toString();
    }
}
