package dev.ikat.controller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.controller.allocation.Refusal;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** What is sent to the API, as JSON. */
final class Bodies {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String COMPONENT = "ikat-controller";
    /** The API server refuses longer ones of an event. */
    private static final int LONGEST_MESSAGE = 1024;

    private Bodies() {}

    private interface Fields {
        void write(JsonGenerator json) throws IOException;
    }

    private static String object(Fields fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            fields.write(json);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("can't write JSON to memory", e);
        }
        return text.toString();
    }

    /** A service's addresses, as the change of just the version of it that was seen. */
    static String addresses(LoadBalancerService service, List<IpAddress> addresses) {
        return object(json -> {
            json.writeObjectFieldStart("metadata");
            json.writeStringField("resourceVersion", service.resourceVersion());
            json.writeEndObject();
            json.writeObjectFieldStart("status");
            if (addresses.isEmpty()) {
                json.writeNullField("loadBalancer");
            } else {
                json.writeObjectFieldStart("loadBalancer");
                json.writeArrayFieldStart("ingress");
                for (IpAddress address : addresses) {
                    json.writeStartObject();
                    json.writeStringField("ip", address.toString());
                    json.writeEndObject();
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndObject();
        });
    }

    /** How full a pool is. */
    static String use(long total, long used) {
        return object(json -> {
            json.writeObjectFieldStart("status");
            json.writeNumberField("total", total);
            json.writeNumberField("used", used);
            json.writeNumberField("free", total - used);
            json.writeEndObject();
        });
    }

    /** A warning at a service that it lacks an address. */
    static String event(LoadBalancerService service, Refusal refusal, Instant now) {
        String message = refusal.message();
        return object(json -> {
            json.writeStringField("apiVersion", "v1");
            json.writeStringField("kind", "Event");
            json.writeObjectFieldStart("metadata");
            json.writeStringField("generateName", service.name() + ".");
            json.writeStringField("namespace", service.namespace());
            json.writeEndObject();
            json.writeObjectFieldStart("involvedObject");
            json.writeStringField("apiVersion", "v1");
            json.writeStringField("kind", "Service");
            json.writeStringField("namespace", service.namespace());
            json.writeStringField("name", service.name());
            if (!service.uid().isEmpty()) {
                json.writeStringField("uid", service.uid());
            }
            json.writeEndObject();
            json.writeStringField("type", "Warning");
            json.writeStringField("reason", refusal.reason().title());
            json.writeStringField(
                    "message",
                    message.length() <= LONGEST_MESSAGE ? message : message.substring(0, LONGEST_MESSAGE - 3) + "...");
            json.writeStringField("firstTimestamp", second(now));
            json.writeStringField("lastTimestamp", second(now));
            json.writeNumberField("count", 1);
            json.writeObjectFieldStart("source");
            json.writeStringField("component", COMPONENT);
            json.writeEndObject();
            json.writeStringField("reportingComponent", COMPONENT);
        });
    }

    private static String second(Instant time) {
        return time.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
