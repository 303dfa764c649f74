package dev.ikat.testbed.host;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
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
     * Parses one value (RFC 8259).
     *
     * @throws IllegalArgumentException with the position, if the text is not JSON
     */
    static Json parse(String text) {
        return new JsonParser(text).parse();
    }

    /** The value as JSON text, without blanks. */
    default String render() {
        return switch (this) {
            case Obj(Map<String, Json> members) ->
                members.entrySet().stream()
                        .map(member -> new Str(member.getKey()).render() + ":"
                                + member.getValue().render())
                        .collect(Collectors.joining(",", "{", "}"));
            case Arr(List<Json> elements) ->
                elements.stream().map(Json::render).collect(Collectors.joining(",", "[", "]"));
            case Str(String value) -> quoted(value);
            case Num(String literal) -> literal;
            case Bool(boolean value) -> Boolean.toString(value);
            case Null() -> "null";
        };
    }

    private static String quoted(String value) {
        StringBuilder builder = new StringBuilder("\"");
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                builder.append('\\').append(c);
            } else if (c < ' ') {
                builder.append("\\u%04x".formatted((int) c));
            } else {
                builder.append(c);
            }
        }
        return builder.append('"').toString();
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

    /** A recursive-descent reader of one text. */
    final class JsonParser {
        private final String text;
        private int position;

        private JsonParser(String text) {
            this.text = text;
        }

        private Json parse() {
            Json value = value();
            skipBlanks();
            if (position != text.length()) {
                throw error("the end of the text");
            }
            return value;
        }

        private Json value() {
            skipBlanks();
            return switch (peek()) {
                case '{' -> object();
                case '[' -> array();
                case '"' -> new Str(string());
                case 't' -> literal("true", new Bool(true));
                case 'f' -> literal("false", new Bool(false));
                case 'n' -> literal("null", new Null());
                default -> numeral();
            };
        }

        private Json object() {
            Map<String, Json> members = new LinkedHashMap<>();
            expect('{');
            skipBlanks();
            while (peek() != '}') {
                if (!members.isEmpty()) {
                    expect(',');
                }
                skipBlanks();
                String name = string();
                skipBlanks();
                expect(':');
                members.put(name, value());
                skipBlanks();
            }
            expect('}');
            return new Obj(members);
        }

        private Json array() {
            List<Json> elements = new ArrayList<>();
            expect('[');
            skipBlanks();
            while (peek() != ']') {
                if (!elements.isEmpty()) {
                    expect(',');
                }
                elements.add(value());
                skipBlanks();
            }
            expect(']');
            return new Arr(elements);
        }

        private String string() {
            StringBuilder builder = new StringBuilder();
            expect('"');
            while (peek() != '"') {
                char c = text.charAt(position++);
                builder.append(c == '\\' ? escaped() : c);
            }
            expect('"');
            return builder.toString();
        }

        private char escaped() {
            char c = peek();
            position++;
            return switch (c) {
                case 'b' -> '\b';
                case 'f' -> '\f';
                case 'n' -> '\n';
                case 'r' -> '\r';
                case 't' -> '\t';
                case 'u' -> {
                    if (position + 4 > text.length()) {
                        throw error("four hexadecimal digits");
                    }
                    position += 4;
                    yield (char) Integer.parseInt(text.substring(position - 4, position), 16);
                }
                case '"', '\\', '/' -> c;
                default -> throw error("an escape");
            };
        }

        private Json literal(String word, Json value) {
            if (!text.startsWith(word, position)) {
                throw error(word);
            }
            position += word.length();
            return value;
        }

        private Json numeral() {
            int start = position;
            while (position < text.length() && "+-.0123456789eE".indexOf(text.charAt(position)) >= 0) {
                position++;
            }
            if (start == position) {
                throw error("a value");
            }
            return new Num(text.substring(start, position));
        }

        private void skipBlanks() {
            while (position < text.length() && " \t\r\n".indexOf(text.charAt(position)) >= 0) {
                position++;
            }
        }

        private char peek() {
            if (position >= text.length()) {
                throw error("more text");
            }
            return text.charAt(position);
        }

        private void expect(char c) {
            if (peek() != c) {
                throw error("'" + c + "'");
            }
            position++;
        }

        private IllegalArgumentException error(String expected) {
            String near = text.substring(Math.max(0, position - 20), Math.min(text.length(), position + 20));
            return new IllegalArgumentException(
                    "JSON: expected %s at character %d, near '%s'".formatted(expected, position, near));
        }
    }
}
