package dev.ikat.cni;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A JSON document as a tree that knows the path of each value, so that every complaint names its field.
 *
 * <p>A data binder would do this too; it would also double the time in which a cold JVM answers.
 */
final class Json {
    static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(com.fasterxml.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final String path;
    private final Object value;

    private Json(String path, Object value) {
        this.path = path;
        this.value = value;
    }

    /**
     * Reads one object.
     *
     * @throws CniException {@link CniError#UNDECODABLE} with line and column if it is no JSON, or no object
     */
    static Json parseObject(byte[] bytes) {
        try (JsonParser parser = FACTORY.createParser(bytes)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new CniException(
                        CniError.UNDECODABLE,
                        "the network configuration is not a JSON object",
                        "it must start with '{'");
            }
            Json object = new Json("", readObject(parser, ""));
            if (parser.nextToken() != null) {
                throw new CniException(
                        CniError.UNDECODABLE,
                        "the network configuration is more than one JSON object",
                        "text follows at line " + parser.currentLocation().getLineNr());
            }
            return object;
        } catch (IOException e) {
            throw new CniException(CniError.UNDECODABLE, "the network configuration is not JSON", e);
        }
    }

    private static Map<String, Json> readObject(JsonParser parser, String path) throws IOException {
        Map<String, Json> fields = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            String fieldPath = path.isEmpty() ? name : path + "." + name;
            parser.nextToken();
            fields.put(name, readValue(parser, fieldPath));
        }
        return fields;
    }

    private static Json readValue(JsonParser parser, String path) throws IOException {
        JsonToken token = parser.currentToken();
        return switch (token) {
            case START_OBJECT -> new Json(path, readObject(parser, path));
            case START_ARRAY -> {
                List<Json> elements = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    elements.add(readValue(parser, path + "[" + elements.size() + "]"));
                }
                yield new Json(path, elements);
            }
            case VALUE_STRING -> new Json(path, parser.getText());
            case VALUE_TRUE -> new Json(path, true);
            case VALUE_FALSE -> new Json(path, false);
            case VALUE_NULL -> new Json(path, Null.NULL);
            case VALUE_NUMBER_INT ->
                new Json(
                        path,
                        parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                                ? (Number) parser.getBigIntegerValue()
                                : (Number) parser.getLongValue());
            case VALUE_NUMBER_FLOAT -> new Json(path, parser.getDecimalValue());
            default -> throw new IOException("unexpected " + token + " at " + path);
        };
    }

    private enum Null {
        NULL
    }

    /** Where in the document this is: {@code ipam.ranges[0][1].subnet}. */
    String path() {
        return path;
    }

    /** The field of this object; empty if it is absent or null. */
    Optional<Json> field(String name) {
        Json field = as(Map.class, "an object").get(name) instanceof Json json ? json : null;
        return field == null || field.value == Null.NULL ? Optional.empty() : Optional.of(field);
    }

    Optional<String> string(String name) {
        return field(name).map(Json::asString);
    }

    String asString() {
        return as(String.class, "a string");
    }

    boolean asBoolean() {
        return as(Boolean.class, "true or false");
    }

    /** A whole number within bounds. */
    int asInt(int lowest, int highest) {
        if (value instanceof Long number && number >= lowest && number <= highest) {
            return (int) (long) number;
        }
        throw wrong("a whole number from " + lowest + " to " + highest);
    }

    @SuppressWarnings("unchecked") // readValue makes no other lists
    List<Json> asList() {
        return as(List.class, "a list");
    }

    private <T> T as(Class<T> type, String expected) {
        if (type.isInstance(value)) {
            return type.cast(value);
        }
        throw wrong(expected);
    }

    private CniException wrong(String expected) {
        return invalid("it must be " + expected);
    }

    /** The complaint that this value is not what it must be. */
    CniException invalid(String reason) {
        return new CniException(
                CniError.INVALID_NETWORK_CONFIG,
                "'" + path + "' in the network configuration is invalid",
                reason + (value instanceof Map || value instanceof List ? "" : ", not " + value));
    }

    /** What {@code parse} makes of this string; its {@link IllegalArgumentException} becomes a complaint. */
    <T> T parsedBy(java.util.function.Function<String, T> parse) {
        String text = asString();
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw new CniException(
                    CniError.INVALID_NETWORK_CONFIG, "'" + path + "' in the network configuration is invalid", e);
        }
    }
}
