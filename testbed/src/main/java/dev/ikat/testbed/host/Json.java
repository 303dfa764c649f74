package dev.ikat.testbed.host;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A JSON value, as {@code ip -json}, {@code nft -j} and CNI plugins print it. Reading a member that does not exist
 * returns {@link Null}, so that a path can be followed without a check at each step; the last step decides.
 */
public sealed interface Json {
    /** An object; members in the order of the text. */
    record Obj(Map<String, Json> members) implements Json {}

    /** An array. */
    record Arr(List<Json> elements) implements Json {}

    /** A string. */
    record Str(String value) implements Json {}

    /** A number, as written. */
    record Num(String literal) implements Json {}

    /** true or false. */
    record Bool(boolean value) implements Json {}

    /** null, or a value that does not exist. */
    record Null() implements Json {}

    /**
     * Parses one value (RFC 8259), and nothing that is not quite JSON.
     *
     * @throws IllegalArgumentException with the position, if the text is not JSON
     */
    static Json parse(String text) {
        return JsonText.parse(text);
    }

    /** The value as JSON text, without blanks. */
    default String render() {
        return JsonText.render(this);
    }

    /**
     * A copy of this object in which this member is added or replaced; for any other value an object of that member
     * alone.
     */
    default Json with(String name, Json value) {
        Map<String, Json> copy =
                new LinkedHashMap<>(this instanceof Obj(Map<String, Json> members) ? members : Map.of());
        copy.put(name, value);
        return new Obj(copy);
    }

    /** The member of an object, {@link Null} if there is none. */
    default Json get(String name) {
        return this instanceof Obj(Map<String, Json> members) ? members.getOrDefault(name, new Null()) : new Null();
    }

    /** The element of an array, {@link Null} if there is none. */
    default Json get(int index) {
        return this instanceof Arr(List<Json> elements) && index < elements.size() ? elements.get(index) : new Null();
    }

    /** Whether such a member exists, with any value. */
    default boolean has(String name) {
        return this instanceof Obj(Map<String, Json> members) && members.containsKey(name);
    }

    /** The names of an object's members, in the order of the text; none of anything else. */
    default List<String> names() {
        return this instanceof Obj(Map<String, Json> members) ? List.copyOf(members.keySet()) : List.of();
    }

    /** The elements of an array; none of anything else. */
    default List<Json> elements() {
        return this instanceof Arr(List<Json> elements) ? List.copyOf(elements) : List.of();
    }

    /** The elements of an array; none of anything else. */
    default Stream<Json> stream() {
        return elements().stream();
    }

    /** The text of a string, the literal of a number or truth value; empty for anything else. */
    default Optional<String> asText() {
        return switch (this) {
            case Str(String value) -> Optional.of(value);
            case Num(String literal) -> Optional.of(literal);
            case Bool(boolean value) -> Optional.of(Boolean.toString(value));
            case Obj _, Arr _, Null _ -> Optional.empty();
        };
    }

    /** As {@link #asText()}, but the empty string where there is none. */
    default String text() {
        return asText().orElse("");
    }

    /**
     * The value of a number.
     *
     * @throws IllegalArgumentException if this is not a whole number
     */
    default long number() {
        if (this instanceof Num(String literal)) {
            return Long.parseLong(literal);
        }
        throw new IllegalArgumentException("not a number: " + this);
    }

    /** Whether this is the value {@code true}. */
    default boolean isTrue() {
        return this instanceof Bool(boolean value) && value;
    }
}
