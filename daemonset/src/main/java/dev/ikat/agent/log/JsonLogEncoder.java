package dev.ikat.agent.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes each event as a JSON object on a line of its own. The keys of its message, {@code event=ready after-ms=396},
 * are the object's; words beside them are its {@code message}. All values are text.
 */
public final class JsonLogEncoder extends EncoderBase<ILoggingEvent> {
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
    public byte[] headerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] footerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        String name = event.getLoggerName();
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("time", event.getInstant().toString());
        fields.put("level", event.getLevel().toString());
        fields.put("logger", name.substring(name.lastIndexOf('.') + 1));
        addParts(event, fields);
        if (event.getThrowableProxy() != null) {
            fields.put("exception", ThrowableProxyUtil.asString(event.getThrowableProxy()));
        }
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            for (Map.Entry<String, String> field : fields.entrySet()) {
                json.writeStringField(field.getKey(), field.getValue());
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("writing into memory", e);
        }
        line.writeBytes("\n".getBytes(UTF_8));
        return line.toByteArray();
    }

    private static void addParts(ILoggingEvent event, Map<String, String> fields) {
        for (LogPart part : LogPart.of(event)) {
            if (part.key().isEmpty()) {
                fields.merge("message", part.text(), (words, more) -> words + " " + more);
            } else {
                String key = part.key();
                while (fields.containsKey(key)) {
                    key += "_";
                }
                fields.put(key, part.text());
            }
        }
    }
}
