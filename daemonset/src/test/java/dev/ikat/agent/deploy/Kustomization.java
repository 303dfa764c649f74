package dev.ikat.agent.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.zjsonpatch.JsonPatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * As much of kustomize as the overlays use: resources, and patches, either a list of operations (RFC 6902) for a
 * target, or an object whose fields are merged into the one of its kind and name. Anything else is refused, lists to be
 * merged included: for those kustomize has rules of its own.
 */
final class Kustomization {
    private Kustomization() {}

    /** The objects that {@code kubectl apply -k DIRECTORY} applies. */
    static List<JsonNode> render(Path directory) {
        List<JsonNode> files = KubernetesObjects.documents(directory.resolve("kustomization.yaml"));
        JsonNode kustomization = files.getFirst();
        requireFields(kustomization, Set.of("apiVersion", "kind", "resources", "patches"));
        List<JsonNode> objects = new ArrayList<>();
        for (JsonNode resource : kustomization.path("resources")) {
            Path path = directory.resolve(resource.asText()).normalize();
            objects.addAll(path.toFile().isDirectory() ? render(path) : KubernetesObjects.documents(path));
        }
        for (JsonNode patch : kustomization.path("patches")) {
            requireFields(patch, Set.of("path", "target"));
            for (JsonNode change : KubernetesObjects.documents(
                    directory.resolve(patch.path("path").asText()))) {
                JsonNode target = change.isArray() ? patch.path("target") : target(change);
                int index = find(objects, target);
                objects.set(
                        index,
                        change.isArray()
                                ? JsonPatch.apply(change, objects.get(index))
                                : merged((ObjectNode) objects.get(index).deepCopy(), change));
            }
        }
        return objects;
    }

    private static void requireFields(JsonNode node, Set<String> known) {
        Set<String> unknown = new TreeSet<>();
        node.fieldNames().forEachRemaining(unknown::add);
        unknown.removeAll(known);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException("kustomization: no overlay has used " + unknown + " so far");
        }
    }

    private static JsonNode target(JsonNode object) {
        ObjectNode target = (ObjectNode) object.path("metadata").deepCopy();
        return target.set("kind", object.path("kind"));
    }

    private static int find(List<JsonNode> objects, JsonNode target) {
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < objects.size(); i++) {
            JsonNode object = objects.get(i);
            if (object.path("kind").equals(target.path("kind"))
                    && object.path("metadata").path("name").equals(target.path("name"))) {
                found.add(i);
            }
        }
        if (found.size() != 1) {
            throw new IllegalArgumentException("a patch's target " + target + " is there " + found.size() + " times");
        }
        return found.getFirst();
    }

    private static ObjectNode merged(ObjectNode object, JsonNode change) {
        change.properties().forEach(field -> {
            JsonNode former = object.path(field.getKey());
            JsonNode value = field.getValue();
            if (value instanceof ArrayNode) {
                throw new IllegalArgumentException(
                        "kustomization: patch the list " + field.getKey() + " by operations");
            }
            object.set(field.getKey(), former instanceof ObjectNode fields ? merged(fields, value) : value);
        });
        return object;
    }
}
