package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.Restricting;
import java.io.IOException;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/**
 * Writes objects of the cluster model in the form of the Kubernetes API, so that {@link ManifestReader} reads equals.
 * What a kind's own fields are, its {@link ObjectForm} says by these methods.
 */
final class ManifestWriter {
    /** The field of an object's metadata for what of it could not be read; none of the API's. */
    static final String UNREADABLE = "ikatCouldNotRead";

    private final JsonGenerator json;

    private ManifestWriter(JsonGenerator json) {
        this.json = json;
    }

    /** Writes one object. */
    static void write(JsonGenerator json, ApiKind<?> kind, ClusterObject object) throws IOException {
        json.writeStartObject();
        json.writeStringField("apiVersion", kind.apiVersion());
        json.writeStringField("kind", kind.kind().title());
        kind.write(new ManifestWriter(json), object);
        json.writeEndObject();
    }

    /** What is within an object's braces. */
    interface Fields {
        void write() throws IOException;
    }

    /** One element of a list. */
    interface Element<T> {
        void write(T element) throws IOException;
    }

    /** An object's metadata: its name, and what else there is. */
    void metadata(ObjectKey key, Fields others) throws IOException {
        object("metadata", () -> {
            if (key.kind().namespaced()) {
                field("namespace", key.namespace());
            }
            field("name", key.name());
            others.write();
        });
    }

    /** When it was made; one of the metadata. */
    void created(Optional<Instant> time) throws IOException {
        if (time.isPresent()) {
            field("creationTimestamp", time.get().toString());
        }
    }

    /** What of it could not be read; one of the metadata. */
    void unreadable(Restricting object) throws IOException {
        list(UNREADABLE, object.unreadable(), this::value);
    }

    /** Labels, if there are any. */
    void labels(String name, Labels labels) throws IOException {
        if (!labels.isEmpty()) {
            object(name, () -> {
                for (var label : labels.values().entrySet()) {
                    field(label.getKey(), label.getValue());
                }
            });
        }
    }

    void field(String name, String value) throws IOException {
        json.writeStringField(name, value);
    }

    void field(String name, int value) throws IOException {
        json.writeNumberField(name, value);
    }

    void field(String name, long value) throws IOException {
        json.writeNumberField(name, value);
    }

    void field(String name, boolean value) throws IOException {
        json.writeBooleanField(name, value);
    }

    /** A field that is an object. */
    void object(String name, Fields fields) throws IOException {
        json.writeFieldName(name);
        object(fields);
    }

    /** An element that is an object. */
    void object(Fields fields) throws IOException {
        json.writeStartObject();
        fields.write();
        json.writeEndObject();
    }

    /** A list, if there is anything in it. */
    <T> void list(String name, Collection<T> elements, Element<T> element) throws IOException {
        if (!elements.isEmpty()) {
            json.writeArrayFieldStart(name);
            for (T each : elements) {
                element.write(each);
            }
            json.writeEndArray();
        }
    }

    /** An element that is a text. */
    void value(Object text) throws IOException {
        json.writeString(text.toString());
    }
}
