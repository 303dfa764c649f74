package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.cluster.ObjectCondition;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** What makes a condition the only one in an object's status, as a merge patch (RFC 7386). */
public final class ConditionPatch {
    private ConditionPatch() {}

    /**
     * The JSON of the patch.
     *
     * @param since when it came to hold, or not to hold; to the second
     */
    public static String of(ObjectCondition condition, Instant since) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = ApiConnection.JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeObjectFieldStart("status");
            json.writeArrayFieldStart("conditions");
            json.writeStartObject();
            json.writeStringField("type", condition.type());
            json.writeStringField("status", ReportedFields.word(condition));
            json.writeStringField("reason", condition.reason());
            json.writeStringField("message", condition.message());
            json.writeNumberField("observedGeneration", condition.observedGeneration());
            json.writeStringField(
                    "lastTransitionTime", since.truncatedTo(ChronoUnit.SECONDS).toString());
            json.writeEndObject();
            json.writeEndArray();
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write to memory", e);
        }
        return text.toString();
    }
}
