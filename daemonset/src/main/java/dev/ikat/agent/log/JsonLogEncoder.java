package dev.ikat.agent.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * Writes each event as a JSON object. Its members are the pairs that {@link TextLogEncoder} writes; a library's message
 * is its {@code message}. Numbers and truth values are such; all other values are text.
 */
public final class JsonLogEncoder extends LineEncoder {
    private static final JsonFactory JSON = new JsonFactory().setCharacterEscapes(new Escapes());

    /** What JSON demands, and what is not seen. */
    private static final class Escapes extends CharacterEscapes {
        private static final long serialVersionUID = 1L;
        private static final int[] ASCII = standardAsciiEscapesForJSON();

        static {
            ASCII[0x7f] = ESCAPE_STANDARD;
        }

        @Override
        public int[] getEscapeCodesForAscii() {
            return ASCII.clone();
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int character) {
            // The two halves of one beyond U+FFFF come one at a time.
            return Character.isSurrogate((char) character) || Printable.isVisible(character)
                    ? null
                    : new SerializedString(Printable.escaped((char) character));
        }
    }

    @Override
    String line(ILoggingEvent event) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("time", event.getInstant().toString());
        fields.put("level", event.getLevel().toString());
        fields.put("logger", logger(event));
        if (isNamed(event)) {
            fields.put("event", message(event));
        } else {
            fields.put("event", LIBRARY);
            fields.put("message", message(event));
        }
        for (KeyValuePair pair : pairs(event)) {
            put(fields, pair.key, isPlain(pair.value) ? pair.value : text(pair));
        }
        if (event.getThrowableProxy() != null) {
            put(fields, "exception", stack(event));
        }
        StringWriter line = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            for (Map.Entry<String, Object> field : fields.entrySet()) {
                json.writeObjectField(field.getKey(), field.getValue());
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write JSON to memory", e);
        }
        return line.append('\n').toString();
    }

    /** What JSON has a form of its own for. */
    private static boolean isPlain(@Nullable Object value) {
        return value instanceof Integer
                || value instanceof Long
                || value instanceof Boolean
                || (value instanceof Double number && Double.isFinite(number));
    }

    /** Under a key that no other value has. */
    private static void put(Map<String, Object> fields, String key, Object text) {
        String free = key;
        while (fields.containsKey(free)) {
            free += "_";
        }
        fields.put(free, text);
    }
}
