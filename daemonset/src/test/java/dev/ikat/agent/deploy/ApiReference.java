package dev.ikat.agent.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** The page about Ikat's own kinds of objects, made of their CustomResourceDefinitions. */
final class ApiReference {
    private static final String HEAD = """
            # Ikat's own objects

            Made of the CustomResourceDefinitions; `kubectl explain bgppeer.spec` says the same in a cluster. What they are for,
            with examples, is in [bgp.md](bgp.md) and [load-balancer.md](load-balancer.md).
            """;

    private final StringBuilder page = new StringBuilder(HEAD);
    private final List<String> rules = new ArrayList<>();

    private ApiReference() {}

    /** The page's text, for definitions with one version each. */
    static String of(List<JsonNode> definitions) {
        ApiReference reference = new ApiReference();
        definitions.forEach(reference::kind);
        return reference.page.toString();
    }

    private void kind(JsonNode definition) {
        JsonNode names = definition.at("/spec/names");
        JsonNode version = definition.at("/spec/versions/0");
        JsonNode schema = version.at("/schema/openAPIV3Schema");
        rules.clear();
        page.append("\n## ").append(names.path("kind").asText()).append("\n\n");
        page.append("%s `%s/%s`, `kubectl get %s`; %s.\n\n"
                .formatted(
                        schema.path("description").asText(),
                        definition.at("/spec/group").asText(),
                        version.path("name").asText(),
                        names.path("plural").asText(),
                        definition.at("/spec/scope").asText().equals("Cluster")
                                ? "of the cluster, so without a namespace"
                                : "of a namespace"));
        page.append("| field | type | values | meaning |\n|---|---|---|---|\n");
        fields("spec", schema.at("/properties/spec"));
        fields("status", schema.at("/properties/status"));
        page.append("\nWhat else the API server refuses an object for, as it says:\n\n");
        rules.forEach(rule -> page.append("- ").append(rule).append('\n'));
    }

    private void fields(String path, JsonNode schema) {
        for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
            boolean required = contains(schema.path("required"), property.getKey());
            field(path + "." + property.getKey(), property.getValue(), required);
        }
        validations(path, schema);
    }

    private void field(String path, JsonNode schema, boolean required) {
        boolean known = isSelector(schema) || isConditions(schema);
        page.append("| `%s` | %s | %s | %s |\n"
                .formatted(
                        path,
                        type(schema),
                        values(schema, required),
                        cell(schema.path("description").asText())));
        if (known) {
            return;
        }
        if (schema.has("items")) {
            fields(path + "[]", schema.path("items"));
        }
        fields(path, schema);
    }

    private void validations(String path, JsonNode schema) {
        schema.path("x-kubernetes-validations")
                .forEach(rule -> rules.add(
                        "`%s`: %s".formatted(path, rule.path("message").asText())));
    }

    private static boolean isSelector(JsonNode schema) {
        return schema.path("properties").has("matchExpressions");
    }

    private static boolean isConditions(JsonNode schema) {
        return schema.at("/items/properties").has("lastTransitionTime");
    }

    private static String type(JsonNode schema) {
        if (isSelector(schema)) {
            return "label selector";
        }
        if (isConditions(schema)) {
            return "list of conditions";
        }
        String type = schema.path("type").asText();
        return type.equals("array") ? "list of " + schema.at("/items/type").asText() + "s" : type;
    }

    private static String values(JsonNode schema, boolean required) {
        StringJoiner words = new StringJoiner("; ");
        if (required) {
            words.add("required");
        }
        if (schema.has("default")) {
            words.add("default `%s`".formatted(schema.path("default").asText()));
        }
        addLimits(words, schema);
        addLimits(words, schema.path("items"));
        return cell(words.toString());
    }

    private static void addLimits(StringJoiner words, JsonNode schema) {
        if (schema.has("minimum") && schema.has("maximum")) {
            words.add("%s to %s".formatted(schema.path("minimum"), schema.path("maximum")));
        } else if (schema.has("minimum")) {
            words.add("at least " + schema.path("minimum"));
        }
        if (schema.has("minItems")) {
            words.add("at least %s".formatted(schema.path("minItems")));
        }
        if (schema.has("maxItems")) {
            words.add("at most %s".formatted(schema.path("maxItems")));
        }
        if (schema.has("enum")) {
            StringJoiner values = new StringJoiner(", ");
            schema.path("enum").forEach(value -> values.add("`" + value.asText() + "`"));
            words.add(values.toString());
        }
        if (schema.has("pattern")) {
            words.add("`" + schema.path("pattern").asText() + "`");
        }
        if (schema.path("type").asText().equals("string")) {
            schema.findValuesAsText("format").stream().distinct().forEach(words::add);
        }
    }

    /** Text of a definition may be folded over lines. */
    private static String cell(String text) {
        return text.strip().replaceAll("\\s+", " ").replace("|", "\\|");
    }

    private static boolean contains(JsonNode array, String text) {
        for (JsonNode each : array) {
            if (each.asText().equals(text)) {
                return true;
            }
        }
        return false;
    }
}
