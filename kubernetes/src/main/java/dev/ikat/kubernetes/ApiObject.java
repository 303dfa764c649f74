package dev.ikat.kubernetes;

import com.fasterxml.jackson.core.JsonParser;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.InvalidObjectException;
import dev.ikat.cluster.ObjectKey;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * An object as the API server said it: a list's element, or what a watch's event is about.
 *
 * @param top the fields of it that are kept
 */
record ApiObject(ApiKind<?> kind, YamlValue top) {
    /** Reads the object that the parser stands at the beginning of. */
    static ApiObject read(JsonParser json, ApiKind<?> kind) throws IOException {
        Node node = JsonNodes.read(json, kind.keep());
        return new ApiObject(kind, YamlValue.top(node));
    }

    /** A field of it, or the empty text. */
    String text(String... path) {
        Optional<YamlValue> value = Optional.of(top);
        for (String field : path) {
            value = value.flatMap(holder -> holder.get(field));
        }
        return value.map(found -> found.isNumber() ? Integer.toString(found.number()) : found.text())
                .orElse("");
    }

    /** Where the history of all objects stood when this one was written. */
    String version() {
        return text("metadata", "resourceVersion");
    }

    /**
     * When it was last written, to the second: the newest time of its managed fields, of which the API server keeps one
     * for each writer. Of a new one that has none, when it was made; of others nothing is known then.
     */
    Optional<Instant> written(boolean isNew) {
        try {
            Optional<YamlValue> metadata = top.get("metadata");
            Optional<String> newest = metadata
                    .map(holder -> holder.list(
                            "managedFields", entry -> entry.get("time").map(YamlValue::text)))
                    .orElse(List.of())
                    .stream()
                    .flatMap(Optional::stream)
                    .max(Comparator.naturalOrder());
            return newest.or(() -> isNew ? Optional.of(text("metadata", "creationTimestamp")) : Optional.empty())
                    .filter(time -> !time.isEmpty())
                    .map(Instant::parse);
        } catch (ManifestFaultException | DateTimeParseException e) {
            // It is for a metric only.
            return Optional.empty();
        }
    }

    /**
     * Which one it is.
     *
     * @throws InvalidObjectException if it has no name that could be one
     */
    ObjectKey key() {
        return new ObjectKey(kind.kind(), text("metadata", "namespace"), text("metadata", "name"));
    }

    /** What it says, and what is wrong with it. */
    ObjectForm.Reading<? extends ClusterObject> read() {
        return kind.read(top);
    }

    /** What is wrong with it, in one line. */
    static String reasons(List<ManifestFault> faults) {
        return faults.stream().map(ManifestFault::reason).collect(Collectors.joining("; "));
    }
}
