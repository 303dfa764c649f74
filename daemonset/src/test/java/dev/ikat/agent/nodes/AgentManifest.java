package dev.ikat.agent.nodes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.model.BindOptions;
import com.github.dockerjava.api.model.BindPropagation;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import com.github.dockerjava.api.model.TmpfsOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** What deploy/base/ikat.yaml gives the agent's containers on a node, in the words of an engine. */
final class AgentManifest {
    /** Of the machine's kernel, the same for all nodes; other paths of the host are directories of the node's own. */
    private static final Set<String> OF_THE_MACHINE = Set.of("/run/netns", "/proc/sys/net", "/sys/fs/bpf");

    private final JsonNode pod;
    private final String settings;

    private AgentManifest(JsonNode pod, String settings) {
        this.pod = pod;
        this.settings = settings;
    }

    static AgentManifest read() {
        try {
            List<JsonNode> documents = new ArrayList<>();
            String text = Files.readString(Path.of("deploy/base/ikat.yaml"));
            new Load(LoadSettings.builder().build())
                    .loadAllFromString(text)
                    .forEach(document -> documents.add(new ObjectMapper().valueToTree(document)));
            return new AgentManifest(
                    document(documents, "DaemonSet").at("/spec/template/spec"),
                    document(documents, "ConfigMap").at("/data/config.yaml").asText());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode document(List<JsonNode> documents, String kind) {
        return documents.stream()
                .filter(document -> document.path("kind").asText().equals(kind))
                .findFirst()
                .orElseThrow();
    }

    private JsonNode container(String name) {
        return Stream.of("/initContainers", "/containers")
                .flatMap(list -> pod.at(list).valueStream())
                .filter(container -> container.path("name").asText().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** The agent's settings, with this kubeconfig in place of the service account. */
    String settings(String kubeconfig) {
        String changed = settings.replace("kubeconfig: in-cluster", "kubeconfig: " + kubeconfig);
        if (changed.equals(settings)) {
            throw new IllegalStateException("the manifest's settings have no kubeconfig: in-cluster");
        }
        return changed;
    }

    /** The arguments of a container. */
    List<String> arguments(String container) {
        return container(container)
                .path("args")
                .valueStream()
                .map(JsonNode::asText)
                .toList();
    }

    /** The variables of a container, on the node with this name. */
    Map<String, String> environment(String container, String node) {
        Map<String, String> environment = new TreeMap<>();
        container(container)
                .path("env")
                .forEach(entry -> environment.put(
                        entry.path("name").asText(), entry.path("value").asText(node)));
        return environment;
    }

    /** What a container may do and sees of its node, whose files are in {@code home}. */
    HostConfig grant(HostConfig config, String container, Path home) {
        JsonNode context = container(container).path("securityContext");
        return config.withCapDrop(capabilities(context.at("/capabilities/drop")))
                .withCapAdd(capabilities(context.at("/capabilities/add")))
                .withReadonlyRootfs(context.path("readOnlyRootFilesystem").asBoolean())
                .withSecurityOpts(
                        context.path("allowPrivilegeEscalation").asBoolean(true)
                                ? List.of()
                                : List.of("no-new-privileges"))
                .withMounts(mounts(container, home));
    }

    private static Capability[] capabilities(JsonNode names) {
        return names.valueStream()
                .map(name -> Capability.valueOf(name.asText()))
                .toArray(Capability[]::new);
    }

    private List<Mount> mounts(String container, Path home) {
        return container(container)
                .path("volumeMounts")
                .valueStream()
                .map(mount -> mount(mount, volume(mount.path("name").asText()), home))
                .toList();
    }

    private JsonNode volume(String name) {
        return pod.path("volumes")
                .valueStream()
                .filter(volume -> volume.path("name").asText().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Mount mount(JsonNode mount, JsonNode volume, Path home) {
        Mount made = new Mount()
                .withTarget(mount.path("mountPath").asText())
                .withReadOnly(mount.path("readOnly").asBoolean());
        if (volume.has("emptyDir")) {
            return made.withType(MountType.TMPFS).withTmpfsOptions(new TmpfsOptions());
        }
        boolean follows = mount.path("mountPropagation").asText().equals("HostToContainer");
        return made.withType(MountType.BIND)
                .withSource(source(volume, home))
                .withBindOptions(new BindOptions()
                        .withPropagation(follows ? BindPropagation.R_SLAVE : BindPropagation.R_PRIVATE));
    }

    private static String source(JsonNode volume, Path home) {
        if (volume.has("configMap")) {
            return onNode(home, "/etc/ikat", false);
        }
        JsonNode host = volume.path("hostPath");
        String path = host.path("path").asText();
        return OF_THE_MACHINE.contains(path)
                ? path
                : onNode(home, path, host.path("type").asText().startsWith("File"));
    }

    private static String onNode(Path home, String path, boolean file) {
        Path here = file(home, path);
        try {
            Files.createDirectories(file ? here.getParent() : here);
            if (file && !Files.exists(here)) {
                Files.createFile(here);
            }
            return here.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where the file with this path on the node is here. */
    static Path file(Path home, String path) {
        return home.resolve(Path.of("/").relativize(Path.of(path)));
    }
}
