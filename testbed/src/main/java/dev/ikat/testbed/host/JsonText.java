package dev.ikat.testbed.host;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@link Json} as text, by Jackson. */
final class JsonText {
    private static final JsonFactory JACKSON = new JsonFactory();

    private JsonText() {}

    static Json parse(String text) {
        try (JsonParser parser = JACKSON.createParser(text)) {
            parser.nextToken();
            Json value = value(parser);
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("JSON: more than one value: " + text);
            }
            return value;
        } catch (IOException e) {
            throw new IllegalArgumentException("JSON: " + e.getMessage() + "\n of " + text, e);
        }
    }

    /** The value whose first token is the current one. */
    private static Json value(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                Map<String, Json> members = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    members.put(name, value(parser));
                }
                yield new Json.Obj(members);
            }
            case START_ARRAY -> {
                List<Json> elements = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    elements.add(value(parser));
                }
                yield new Json.Arr(elements);
            }
            case VALUE_STRING -> new Json.Str(parser.getText());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Json.Num(parser.getText());
            case VALUE_TRUE -> new Json.Bool(true);
            case VALUE_FALSE -> new Json.Bool(false);
            case VALUE_NULL -> new Json.Null();
            case null, default -> throw new IllegalArgumentException("JSON: no value");
        };
    }

    static String render(Json json) {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = JACKSON.createGenerator(text)) {
            write(json, generator);
        } catch (IOException e) {
            throw new UncheckedIOException("writing into memory", e);
        }
        return text.toString();
    }

    private static void write(Json json, JsonGenerator generator) throws IOException {
        switch (json) {
            case Json.Obj(Map<String, Json> members) -> {
                generator.writeStartObject();
                for (Map.Entry<String, Json> member : members.entrySet()) {
                    generator.writeFieldName(member.getKey());
                    write(member.getValue(), generator);
                }
                generator.writeEndObject();
            }
            case Json.Arr(List<Json> elements) -> {
                generator.writeStartArray();
                for (Json element : elements) {
                    write(element, generator);
                }
                generator.writeEndArray();
            }
            case Json.Str(String value) -> generator.writeString(value);
            case Json.Num(String literal) -> generator.writeNumber(literal);
            case Json.Bool(boolean value) -> generator.writeBoolean(value);
            case Json.Null() -> generator.writeNull();
        }
    }
}
