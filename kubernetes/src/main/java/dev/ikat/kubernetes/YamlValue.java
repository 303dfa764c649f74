package dev.ikat.kubernetes;

import dev.ikat.cluster.InvalidObjectException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A value of a YAML document that knows its place: its path from the top of the object, and its line. Every reading
 * method throws {@link ManifestFaultException} where the document has something else than what is asked for. Not
 * thread-safe.
 */
final class YamlValue {
    private final Node node;
    private final String path;
    /** Made when first asked for: a reader asks for one key after another. */
    private @Nullable Map<String, YamlValue> entries;

    private YamlValue(Node node, String path) {
        this.node = node;
        this.path = path;
    }

    /** The top of an object. */
    static YamlValue top(Node node) {
        return new YamlValue(node, "");
    }

    /** The same value, as the top of an object of its own. */
    YamlValue asTop() {
        return top(node);
    }

    ManifestFault fault(String reason) {
        return new ManifestFault(
                node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1),
                node.getStartMark().map(mark -> mark.getColumn() + 1).orElse(1),
                path.isEmpty() ? reason : path + ": " + reason);
    }

    ManifestFaultException wrong(String reason) {
        return new ManifestFaultException(List.of(fault(reason)));
    }

    boolean isNull() {
        return node.getTag().equals(Tag.NULL);
    }

    /** The value of a key; empty if it is not there or null, which the API server does not tell apart either. */
    Optional<YamlValue> get(String key) {
        return Optional.ofNullable(entries().get(key)).filter(value -> !value.isNull());
    }

    YamlValue require(String key) {
        return get(key).orElseThrow(() -> wrong((path.isEmpty() ? "" : "its ") + key + " is missing"));
    }

    /** All keys, in their order. */
    Map<String, YamlValue> entries() {
        Map<String, YamlValue> known = entries;
        if (known == null) {
            known = Collections.unmodifiableMap(readEntries());
            entries = known;
        }
        return known;
    }

    private Map<String, YamlValue> readEntries() {
        if (!(node instanceof MappingNode mapping)) {
            throw wrong("has to be a mapping of keys to values, but is " + description());
        }
        Map<String, YamlValue> read = new LinkedHashMap<>();
        List<ManifestFault> faults = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            YamlValue key = new YamlValue(tuple.getKeyNode(), path);
            if (!(tuple.getKeyNode() instanceof ScalarNode scalar)) {
                faults.add(key.fault("a key has to be a word, but is " + key.description()));
                continue;
            }
            String name = scalar.getValue();
            YamlValue value = new YamlValue(tuple.getValueNode(), path.isEmpty() ? name : path + "." + name);
            if (read.put(name, value) != null) {
                faults.add(key.fault("the key '" + name + "' occurs twice"));
            }
        }
        if (!faults.isEmpty()) {
            throw new ManifestFaultException(faults);
        }
        return read;
    }

    /** Refuses keys other than these: where a misspelt one would silently allow or forbid something. */
    void allowOnly(String... keys) {
        Set<String> known = Set.of(keys);
        List<ManifestFault> faults = new ArrayList<>();
        entries().forEach((key, value) -> {
            if (!known.contains(key)) {
                faults.add(value.fault("is an unknown field; known are " + String.join(", ", keys)));
            }
        });
        if (!faults.isEmpty()) {
            throw new ManifestFaultException(faults);
        }
    }

    /** A text; a number or a truth value needs quotes to be one. */
    String text() {
        if (node instanceof ScalarNode scalar && node.getTag().equals(Tag.STR)) {
            return scalar.getValue();
        }
        throw wrong("has to be a text, but is " + description());
    }

    boolean truth() {
        if (node instanceof ScalarNode scalar && node.getTag().equals(Tag.BOOL)) {
            return Boolean.parseBoolean(scalar.getValue());
        }
        throw wrong("has to be true or false, but is " + description());
    }

    boolean isNumber() {
        return node.getTag().equals(Tag.INT);
    }

    int number() {
        if (node instanceof ScalarNode scalar && isNumber()) {
            try {
                return Integer.parseInt(scalar.getValue());
            } catch (NumberFormatException e) {
                throw wrong("'" + scalar.getValue() + "' is not a decimal number in range");
            }
        }
        throw wrong("has to be a whole number, but is " + description());
    }

    /** A whole number in this range. */
    long number(long least, long most) {
        if (node instanceof ScalarNode scalar && isNumber()) {
            try {
                long value = Long.parseLong(scalar.getValue());
                if (value >= least && value <= most) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // No more in range than one that is too large.
            }
            throw wrong("has to be " + least + " to " + most + ", but is " + scalar.getValue());
        }
        throw wrong("has to be a whole number, but is " + description());
    }

    private String description() {
        return switch (node) {
            case MappingNode _ -> "a mapping";
            case SequenceNode _ -> "a list";
            case ScalarNode scalar when isNull() -> scalar.getValue().isEmpty() ? "empty" : "null";
            case ScalarNode scalar -> kind(scalar.getTag()) + " '" + scalar.getValue() + "'";
            default -> "something else";
        };
    }

    private static String kind(Tag tag) {
        if (tag.equals(Tag.STR)) {
            return "the text";
        }
        if (tag.equals(Tag.INT) || tag.equals(Tag.FLOAT)) {
            return "the number";
        }
        return tag.equals(Tag.BOOL) ? "the truth value" : "the value";
    }

    /** The texts by their keys; one without a value is the empty text, as for the API server. */
    Map<String, String> texts() {
        Map<String, String> texts = new LinkedHashMap<>();
        entries().forEach((key, value) -> texts.put(key, value.isNull() ? "" : value.text()));
        return texts;
    }

    /**
     * The elements of the list at this key, each read by {@code reader}; none if there is no such key. The faults of
     * all elements are reported together.
     */
    <T> List<T> list(String key, Function<YamlValue, T> reader) {
        List<T> read = new ArrayList<>();
        Faults faults = new Faults();
        elements(key)
                .forEach(element -> faults.attempt(() -> reader.apply(element)).ifPresent(read::add));
        faults.throwIfAny();
        return read;
    }

    /** The elements of the list at this key, unread; none if there is no such key. */
    List<YamlValue> elements(String key) {
        Optional<YamlValue> list = get(key);
        return list.isPresent() ? list.get().elements() : List.of();
    }

    private List<YamlValue> elements() {
        if (!(node instanceof SequenceNode sequence)) {
            throw wrong("has to be a list, but is " + description());
        }
        List<YamlValue> elements = new ArrayList<>(sequence.getValue().size());
        for (Node element : sequence.getValue()) {
            elements.add(new YamlValue(element, path + "[" + elements.size() + "]"));
        }
        return elements;
    }

    /** What {@code maker} makes of this value; what it refuses is a fault of the field that it names. */
    <T> T make(Supplier<T> maker) {
        try {
            return maker.get();
        } catch (InvalidObjectException e) {
            throw locate(e.field()).wrong(e.reason());
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
    }

    private YamlValue locate(String field) {
        // A label's key has dots of its own, so the whole is tried first.
        if (node instanceof MappingNode) {
            Optional<YamlValue> direct = get(field);
            if (direct.isPresent()) {
                return direct.get();
            }
            int dot = field.indexOf('.');
            String head = dot < 0 ? field : field.substring(0, dot);
            Optional<YamlValue> child = get(head);
            if (child.isPresent() && dot >= 0) {
                return child.get().locate(field.substring(dot + 1));
            }
        }
        return new YamlValue(node, path.isEmpty() ? field : path + "." + field);
    }
}
