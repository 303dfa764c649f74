package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresProgram;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every manifest is applied to an API server that refuses what it does not know, and is there as it was written. */
class ManifestApplyTest {
    private final ApiTestServer api = ApiTestServer.start(0);
    private final KubernetesClient client = new KubernetesClientBuilder()
            .withConfig(new ConfigBuilder()
                    .withMasterUrl("http://127.0.0.1:" + api.port())
                    .withRequestRetryBackoffLimit(0)
                    .build())
            .build();

    ManifestApplyTest() {
        api.validate(KubernetesObjects::strictly);
    }

    @AfterEach
    void close() {
        client.close();
        api.close();
    }

    static List<Path> overlays() throws java.io.IOException {
        return ManifestSchemaTest.overlays();
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void everyOverlayIsAppliedAndReadBackEqual(Path overlay) {
        assertApplied(Kustomization.render(overlay));
    }

    @Test
    void uninstallJobIsAppliedAndReadBackEqual() {
        // As its first lines say.
        String yaml = KubernetesObjects.text(ManifestSchemaTest.DEPLOY.resolve("uninstall-job.yaml"))
                .replace("NODE-NAME", "worker-1");
        assertApplied(KubernetesObjects.documents(yaml));
    }

    private void assertApplied(List<JsonNode> documents) {
        assertThat(documents).isNotEmpty();
        for (JsonNode document : documents) {
            HasMetadata object = KubernetesObjects.strictly(document);
            client.resource(object).create();
        }
        for (JsonNode document : documents) {
            HasMetadata object = KubernetesObjects.strictly(document);
            HasMetadata stored = client.resource(object).get();
            assertThat(withoutVersion(stored)).isEqualTo(object);
            assertThat(withoutVersion(client.resource(object).update())).isEqualTo(object);
            assertThat(api.objects()).contains(document);
        }
        assertThat(api.objects()).hasSameSizeAs(documents);
    }

    private static HasMetadata withoutVersion(HasMetadata object) {
        object.getMetadata().setResourceVersion(null);
        return object;
    }

    @Test
    void whatTheServerDoesNotKnowIsRefused() {
        ObjectNode job =
                (ObjectNode) KubernetesObjects.documents(ManifestSchemaTest.DEPLOY.resolve("uninstall-job.yaml"))
                        .getFirst();
        ((ObjectNode) job.path("spec")).put("backofLimit", 3);

        assertThatThrownBy(() -> client.resource(job.toString()).create())
                .isInstanceOf(KubernetesClientException.class)
                .hasMessageContaining("backofLimit");
        assertThat(api.objects()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("overlays")
    @RequiresProgram("kubectl")
    void kubectlMakesTheSameOfAnOverlay(Path overlay) {
        String yaml = ProcessRunner.output("kubectl", "kustomize", overlay.toString());

        assertThat(sorted(KubernetesObjects.documents(yaml))).isEqualTo(sorted(Kustomization.render(overlay)));
    }

    /** kustomize has an order of kinds. */
    private static List<JsonNode> sorted(List<JsonNode> objects) {
        return objects.stream()
                .sorted(Comparator.comparing(object ->
                        object.path("kind") + "/" + object.path("metadata").path("name")))
                .toList();
    }
}
