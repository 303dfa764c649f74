package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Kubernetes takes every manifest, and every overlay's outcome, field by field. */
class ManifestSchemaTest {
    static final Path DEPLOY = Path.of("deploy");

    static List<Path> overlays() throws IOException {
        try (Stream<Path> directories = Files.list(DEPLOY.resolve("overlays"))) {
            return Stream.concat(Stream.of(DEPLOY.resolve("base")), directories)
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void everyFieldIsKnownAndOfItsType(Path overlay) {
        List<JsonNode> objects = Kustomization.render(overlay);

        assertThat(objects).extracting(object -> object.path("kind").asText()).contains("DaemonSet", "ConfigMap");
        assertThat(objects)
                .allSatisfy(object ->
                        assertThatCode(() -> KubernetesObjects.strictly(object)).doesNotThrowAnyException());
    }

    @Test
    void everyFieldOfTheControllerIsKnownAndOfItsType() {
        List<JsonNode> objects = Kustomization.render(DEPLOY.resolve("controller"));

        assertThat(objects)
                .extracting(object -> object.path("kind").asText())
                .contains("CustomResourceDefinition", "Deployment", "Role");
        assertThat(objects)
                .allSatisfy(object ->
                        assertThatCode(() -> KubernetesObjects.strictly(object)).doesNotThrowAnyException());
    }

    @Test
    void everyFieldOfTheUninstallJobIsKnownAndOfItsType() {
        List<JsonNode> objects = KubernetesObjects.documents(DEPLOY.resolve("uninstall-job.yaml"));

        assertThat(objects)
                .isNotEmpty()
                .allSatisfy(object ->
                        assertThatCode(() -> KubernetesObjects.strictly(object)).doesNotThrowAnyException());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        "hostNetwork": true   | "hostNetworks": true  | hostNetworks
        "hostNetwork": true   | "hostNetwork": "true" | hostNetwork
        "periodSeconds": 1    | "periodSeconds": "1"  | periodSeconds
        "name": "agent"       | "name": 5             | name
        "command": ["a"]      | "command": "a"        | command
        """)
    void whatKubernetesWouldRefuseIsRefused(String right, String wrong, String named) {
        String text = """
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "x"}, "spec": {"template": {"spec": {
              "hostNetwork": true, "containers": [
                {"name": "agent", "command": ["a"], "startupProbe": {"periodSeconds": 1}}]}}}}
            """;
        JsonNode good = KubernetesObjects.documents(text).getFirst();
        JsonNode bad = KubernetesObjects.documents(text.replace(right, wrong)).getFirst();

        assertThat(bad).isNotEqualTo(good);
        assertThatCode(() -> KubernetesObjects.strictly(good)).doesNotThrowAnyException();
        assertThatThrownBy(() -> KubernetesObjects.strictly(bad)).hasMessageContaining(named);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void overlayOfEachBackendChoosesIt(String backend) {
        ConfigMap options =
                KubernetesObjects.only(ConfigMap.class, Kustomization.render(DEPLOY.resolve("overlays/" + backend)));

        assertThat(options.getData().values())
                .singleElement()
                .asString()
                .containsPattern("(?m)^policy-backend: " + backend + "$");
    }

    /** SYS_ADMIN includes what eBPF needs; runtimes that do not know the names BPF and PERFMON would refuse them. */
    @Test
    void onlyTheOverlayOfBgpAsksForMoreCapabilities() throws IOException {
        for (Path overlay : overlays()) {
            assertThat(agent(overlay).getSecurityContext().getCapabilities().getAdd())
                    .as("%s", overlay)
                    .startsWith("NET_ADMIN", "NET_RAW", "SYS_ADMIN")
                    .hasSize(overlay.endsWith("bgp") ? 4 : 3);
        }
    }

    /** To attach programs to them, it is enough to read. */
    @Test
    void onlyTheOverlayOfEbpfSeesTheHostsControlGroups() throws IOException {
        for (Path overlay : overlays()) {
            assertThat(agent(overlay).getVolumeMounts().stream()
                            .filter(mount -> mount.getMountPath().endsWith("/sys/fs/cgroup"))
                            .map(VolumeMount::getReadOnly)
                            .toList())
                    .as("%s", overlay)
                    .isEqualTo(overlay.endsWith("ebpf") ? List.of(true) : List.of());
        }
    }

    /** Or else an agent whose backend is another one by now would not find what its predecessor left. */
    @Test
    void everyAgentSeesTheBpfFileSystem() throws IOException {
        for (Path overlay : overlays()) {
            assertThat(agent(overlay).getVolumeMounts())
                    .as("%s", overlay)
                    .extracting(VolumeMount::getMountPath)
                    .contains("/sys/fs/bpf");
        }
    }

    private static Container agent(Path overlay) {
        return KubernetesObjects.only(DaemonSet.class, Kustomization.render(overlay))
                .getSpec()
                .getTemplate()
                .getSpec()
                .getContainers()
                .getFirst();
    }
}
