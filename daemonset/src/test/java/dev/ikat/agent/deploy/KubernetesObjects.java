package dev.ikat.agent.deploy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.batch.v1.Job;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBinding;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * Manifests, read as strictly as an API server with field validation does: by the types that are generated from
 * Kubernetes' OpenAPI schema, with unknown fields, fields that are there twice, and scalars of another type refused.
 */
final class KubernetesObjects {
    private static final Map<String, Class<? extends HasMetadata>> KINDS = Map.ofEntries(
            Map.entry("ClusterRole", ClusterRole.class),
            Map.entry("ClusterRoleBinding", ClusterRoleBinding.class),
            Map.entry("ConfigMap", ConfigMap.class),
            Map.entry("CustomResourceDefinition", CustomResourceDefinition.class),
            Map.entry("DaemonSet", DaemonSet.class),
            Map.entry("Deployment", Deployment.class),
            Map.entry("Job", Job.class),
            Map.entry("Role", Role.class),
            Map.entry("RoleBinding", RoleBinding.class),
            Map.entry("ServiceAccount", ServiceAccount.class));

    private static final ObjectMapper PLAIN = new ObjectMapper();

    private static final ObjectMapper STRICT = JsonMapper.builder()
            .annotationIntrospector(new JacksonAnnotationIntrospector() {
                @Override
                public Boolean hasAnySetter(Annotated member) {
                    // Or else unknown fields would be kept as additional ones.
                    return false;
                }
            })
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .withCoercionConfig(
                    LogicalType.Textual,
                    textual -> textual.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();

    private KubernetesObjects() {}

    /** The documents of a YAML text, a field that is there twice refused. */
    static List<JsonNode> documents(String yaml) {
        List<JsonNode> documents = new ArrayList<>();
        for (@Nullable Object document : new Load(LoadSettings.builder().build()).loadAllFromString(yaml)) {
            // An empty document, as before the first separator, is none.
            if (document != null) {
                documents.add(PLAIN.valueToTree(document));
            }
        }
        return documents;
    }

    /** The same of a file. */
    static List<JsonNode> documents(Path file) {
        return documents(text(file));
    }

    static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The object of a document.
     *
     * @throws IllegalArgumentException that says what Kubernetes would not take of it
     */
    static HasMetadata strictly(JsonNode document) {
        String kind = document.path("kind").asText();
        Class<? extends HasMetadata> type = KINDS.get(kind);
        if (type == null) {
            throw new IllegalArgumentException("no manifest of Ikat's has objects of kind '" + kind + "'");
        }
        String version = HasMetadata.getApiVersion(type);
        if (!document.path("apiVersion").asText().equals(version)) {
            throw new IllegalArgumentException(
                    kind + " has apiVersion " + document.path("apiVersion") + " and not " + version);
        }
        return STRICT.convertValue(document, type);
    }

    /** The object of a type among documents. */
    static <T extends HasMetadata> T only(Class<T> type, List<JsonNode> documents) {
        List<T> found = documents.stream()
                .map(KubernetesObjects::strictly)
                .filter(type::isInstance)
                .map(type::cast)
                .toList();
        if (found.size() != 1) {
            throw new IllegalArgumentException(found.size() + " objects are " + type.getSimpleName());
        }
        return found.getFirst();
    }
}
