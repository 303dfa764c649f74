package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes each event as a JSON object on a line of its own. The keys of its message, {@code event=ready after-ms=396},
 * are the object's; words before the first of them are its {@code message}. All values are text.
 */
final class JsonLogEncoder extends EncoderBase<ILoggingEvent> {
    private static final String KEY = "[a-z][a-z0-9-]*";
    /** A value ends where the next key begins, and a quoted one there at the first quotation mark. */
    private static final Pattern PAIR = Pattern.compile(
            "(?:^|\\s)(?<key>" + KEY + ")=(?:\"(?<quoted>.*?)\"|(?<plain>.*?))(?=\\s+" + KEY + "=|\\s*$)",
            Pattern.DOTALL);

    private static final JsonFactory JSON = new JsonFactory();

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
        split(event.getFormattedMessage(), fields);
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

    private static void split(String message, Map<String, String> fields) {
        Matcher pair = PAIR.matcher(message);
        int words = message.length();
        while (pair.find()) {
            words = Math.min(words, pair.start());
            String quoted = pair.group("quoted");
            String key = pair.group("key");
            while (fields.containsKey(key)) {
                key += "_";
            }
            fields.put(key, quoted == null ? pair.group("plain") : quoted);
        }
        if (words > 0) {
            fields.put("message", message.substring(0, words));
        }
    }
}
