package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.marcnuri.helm.LintResult;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HTTPGetAction;
import io.fabric8.kubernetes.api.model.LocalObjectReference;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Toleration;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.DaemonSetSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart is what base and overlays are, and takes what they leave open as values. */
@RequiresHelm
class ChartTest {
    /** What Helm's users say instead of choosing an overlay. */
    private static final Map<String, String> VALUES = Map.of(
            "base", "",
            "bare-metal", "config: {overlay: auto, chain: ['portmap?', 'bandwidth?']}",
            "bgp", "config: {overlay: bgp, bgp: true, bgp-as: 64512}",
            "ebpf", "config: {policy-backend: ebpf}",
            "iptables", "config: {policy-backend: iptables}",
            "kind", "config: {overlay: auto}",
            "nftables", "config: {policy-backend: nftables}");

    private static final Map<String, String> HELMS_LABELS = Map.of(
            "app.kubernetes.io/instance", "ikat",
            "app.kubernetes.io/managed-by", "Helm",
            "app.kubernetes.io/version", "0.1.0",
            "helm.sh/chart", "ikat-0.1.0");

    private static final String CHECKSUM = "checksum/config";

    /** A value for each thing that the defaults leave out. */
    private static final String EVERYTHING = """
        image: {repository: registry.example/ikat, tag: "2", pullPolicy: Always, pullSecrets: [{name: key}]}
        config: {listen: "[::]:9000", run-dir: /run/other, state-dir: /srv/ikat, cni-conf-dir: /srv/net.d}
        cniBinDir: /srv/bin
        resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}
        installResources: {limits: {memory: 128Mi}}
        podAnnotations: {example/a: b}
        priorityClassName: high
        updateStrategy: {rollingUpdate: {maxUnavailable: 10%}}
        nodeSelector: {example/role: worker}
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms:
              - matchExpressions: [{key: example/virtual, operator: DoesNotExist}]
        tolerations: [{key: example/a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 5}]
        """;

    static Stream<Path> overlays() throws IOException {
        return ManifestSchemaTest.overlays().stream();
    }

    private static DaemonSetSpec daemonSet(String values) {
        return KubernetesObjects.only(DaemonSet.class, HelmChart.render(values)).getSpec();
    }

    private static PodSpec pod(String values) {
        return daemonSet(values).getTemplate().getSpec();
    }

    private static Container agent(String values) {
        return pod(values).getContainers().getFirst();
    }

    @Test
    void lintHasNothingToSay() {
        LintResult result = HelmChart.lint();

        assertThat(result.isFailed()).isFalse();
        assertThat(result.getMessages()).containsExactly("[INFO] Chart.yaml: icon is recommended");
    }

    @ParameterizedTest
    @MethodSource("overlays")
    void rendersWhatTheOverlayDoes(Path overlay) {
        String values = Objects.requireNonNull(VALUES.get(overlay.getFileName().toString()), "values for " + overlay);

        List<JsonNode> objects = HelmChart.render(values);

        objects.forEach(ChartTest::takeAwayWhatIsHelms);
        List<JsonNode> expected = Kustomization.render(overlay);
        Stream.of(objects, expected).flatMap(List::stream).forEach(ChartTest::readSettings);
        assertThat(objects).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void controllerIsWhatTheManifestsHave() {
        List<JsonNode> objects = HelmChart.render("controller: {enabled: true}").stream()
                .filter(object -> object.path("metadata").path("name").asText().equals("ikat-controller"))
                .toList();

        objects.forEach(ChartTest::takeAwayWhatIsHelms);
        assertThat(objects)
                .containsExactlyInAnyOrderElementsOf(
                        KubernetesObjects.documents(ManifestSchemaTest.DEPLOY.resolve("controller/controller.yaml")));
        assertThat(KubernetesObjects.text(ManifestSchemaTest.DEPLOY.resolve("chart/ikat/crds/addresspools.yaml")))
                .isEqualTo(KubernetesObjects.text(ManifestSchemaTest.DEPLOY.resolve("controller/addresspools.yaml")));
    }

    @Test
    void controllerTakesTheValues() {
        Deployment controller = KubernetesObjects.only(Deployment.class, HelmChart.render("""
            controller: {enabled: true, replicas: 3, loadBalancerClass: example.com/lb, withoutClass: true}
            """));

        assertThat(controller.getSpec().getReplicas()).isEqualTo(3);
        Container container =
                controller.getSpec().getTemplate().getSpec().getContainers().getFirst();
        assertThat(container.getArgs()).containsExactly("--load-balancer-class=example.com/lb", "--without-class=true");
    }

    private static void takeAwayWhatIsHelms(JsonNode object) {
        ObjectNode labels = (ObjectNode) object.path("metadata").path("labels");
        HELMS_LABELS.forEach((label, value) ->
                assertThat(labels.remove(label).asText()).as(label).isEqualTo(value));
        if (object.path("kind").asText().equals("DaemonSet")) {
            ObjectNode pod = (ObjectNode) object.path("spec").path("template").path("metadata");
            assertThat(((ObjectNode) pod.path("annotations")).remove(CHECKSUM)).isNotNull();
        }
    }

    /** The text of settings as what it says, which may be said in another order. */
    private static void readSettings(JsonNode object) {
        if (object.path("data") instanceof ObjectNode data) {
            String text = data.path("config.yaml").asText();
            data.set("config.yaml", KubernetesObjects.documents(text).getFirst());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        defaults   | ''
        ebpf       | config: {policy-backend: ebpf}
        manifests  | config: {kubeconfig: null, manifests: /srv/manifests}
        kubeconfig | config: {kubeconfig: /etc/kubernetes/ikat.conf}
        no probes  | config: {listen: 0}
        nothing    | {affinity: null, nodeSelector: null, tolerations: null, priorityClassName: null}
        """)
    void everyFieldIsKnownAndOfItsType(String name, String values) {
        assertThat(HelmChart.render(values))
                .as(name)
                .hasSize(5)
                .allSatisfy(object ->
                        assertThatCode(() -> KubernetesObjects.strictly(object)).doesNotThrowAnyException());
    }

    @Test
    void imageIsTheOneOfTheValues() {
        PodSpec pod = pod(EVERYTHING);

        assertThat(Stream.concat(pod.getInitContainers().stream(), pod.getContainers().stream()))
                .hasSize(2)
                .allSatisfy(container -> {
                    assertThat(container.getImage()).isEqualTo("registry.example/ikat:2");
                    assertThat(container.getImagePullPolicy()).isEqualTo("Always");
                });
        assertThat(pod.getImagePullSecrets()).containsExactly(new LocalObjectReference("key"));
    }

    @Test
    void resourcesAreThoseOfTheValues() {
        PodSpec pod = pod(EVERYTHING);

        assertThat(pod.getContainers().getFirst().getResources().getRequests())
                .containsEntry("cpu", new Quantity("1"))
                .containsEntry("memory", new Quantity("160Mi"));
        assertThat(pod.getContainers().getFirst().getResources().getLimits())
                .containsEntry("memory", new Quantity("1Gi"));
        assertThat(pod.getInitContainers().getFirst().getResources().getLimits())
                .containsEntry("memory", new Quantity("128Mi"));
    }

    @Test
    void podsAreScheduledAsTheValuesSay() {
        DaemonSetSpec daemonSet = daemonSet(EVERYTHING);
        PodSpec pod = daemonSet.getTemplate().getSpec();

        assertThat(pod.getPriorityClassName()).isEqualTo("high");
        assertThat(pod.getNodeSelector())
                .containsExactlyInAnyOrderEntriesOf(Map.of("kubernetes.io/os", "linux", "example/role", "worker"));
        assertThat(pod.getAffinity()
                        .getNodeAffinity()
                        .getRequiredDuringSchedulingIgnoredDuringExecution()
                        .getNodeSelectorTerms()
                        .getFirst()
                        .getMatchExpressions()
                        .getFirst()
                        .getKey())
                .isEqualTo("example/virtual");
        assertThat(pod.getTolerations()).containsExactly(new Toleration("NoExecute", "example/a", "Equal", 5L, "b"));
        assertThat(daemonSet
                        .getUpdateStrategy()
                        .getRollingUpdate()
                        .getMaxUnavailable()
                        .getStrVal())
                .isEqualTo("10%");
        assertThat(daemonSet.getTemplate().getMetadata().getAnnotations()).containsEntry("example/a", "b");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        run         | /run/other | /run/other
        state       | /srv/ikat  | /srv/ikat
        cni-conf    | /srv/net.d | /srv/net.d
        """)
    void directoryOfTheSettingIsTheHosts(String volume, String host, String mounted) {
        assertMounted(pod(EVERYTHING), volume, host, mounted);
    }

    @ParameterizedTest
    @ValueSource(strings = {EVERYTHING, "{cniBinDir: /none, config: {cni-bin-dir: /srv/bin}}"})
    void agentLooksForPluginsWhereTheyAreInstalled(String values) {
        assertMounted(pod(values), "cni-bin", "/srv/bin", "/host/opt/cni/bin", "/srv/bin");
        assertThat(agent(values).getArgs()).contains("--cni-bin-dir=/srv/bin");
        assertThat(agent("").getArgs()).containsExactly("--config=/etc/ikat/config.yaml");
    }

    @Test
    void whatSaysWhatTheClusterIsIsMounted() {
        assertMounted(
                pod("config: {kubeconfig: null, manifests: /srv/manifests}"),
                "manifests",
                "/srv/manifests",
                "/srv/manifests");
        assertMounted(
                pod("config: {kubeconfig: /etc/kubernetes/ikat.conf}"),
                "kubeconfig",
                "/etc/kubernetes/ikat.conf",
                "/etc/kubernetes/ikat.conf");
    }

    private static void assertMounted(PodSpec pod, String volume, String host, String... mounted) {
        assertThat(pod.getVolumes())
                .filteredOn(candidate -> candidate.getName().equals(volume))
                .extracting(candidate -> candidate.getHostPath().getPath())
                .containsExactly(host);
        assertThat(Stream.concat(pod.getInitContainers().stream(), pod.getContainers().stream())
                        .flatMap(container -> container.getVolumeMounts().stream())
                        .filter(mount -> mount.getName().equals(volume)))
                .extracting(mount -> mount.getMountPath())
                .containsExactly(mounted);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        127.0.0.1:9000    | 127.0.0.1  | 9000
        node:9000         | 127.0.0.1  | 9000
        0.0.0.0:9474      | 127.0.0.1  | 9474
        192.0.2.1:80      | 192.0.2.1  | 80
        [::]:9474         | ::1        | 9474
        [2001:db8::1]:9474| 2001:db8::1| 9474
        """)
    void probesAskWhereTheAgentListens(String listen, String host, int port) {
        Container agent = agent("config: {listen: '" + listen + "'}");

        assertThat(Stream.of(agent.getStartupProbe(), agent.getLivenessProbe(), agent.getReadinessProbe())
                        .map(Probe::getHttpGet))
                .extracting(HTTPGetAction::getHost)
                .containsOnly(host);
        assertThat(Stream.of(agent.getStartupProbe(), agent.getLivenessProbe(), agent.getReadinessProbe())
                        .map(probe -> probe.getHttpGet().getPort().getIntVal()))
                .containsOnly(port);
    }

    @ParameterizedTest
    @CsvSource({"0", "'\"0\"'"})
    void nobodyProbesAnAgentThatListensNowhere(String listen) {
        Container agent = agent("config: {listen: " + listen + "}");

        assertThat(agent.getStartupProbe()).isNull();
        assertThat(agent.getLivenessProbe()).isNull();
        assertThat(agent.getReadinessProbe()).isNull();
    }

    /** Agents read their settings when they start. */
    @Test
    void agentsAreReplacedWhereASettingChangesAndOnlyThere() {
        String before = checksum("");

        assertThat(checksum("config: {mtu: 1400}")).isNotEqualTo(before);
        assertThat(checksum("config: {overlay: vxlan}")).isEqualTo(before);
        assertThat(checksum("image: {tag: '2'}")).isEqualTo(before);
    }

    private static String checksum(String values) {
        Map<String, String> annotations =
                daemonSet(values).getTemplate().getMetadata().getAnnotations();
        return Objects.requireNonNull(annotations.get(CHECKSUM), CHECKSUM);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        config: {vxlan-prot: 8472}                              | config: Additional property vxlan-prot
        config: {kill-at: 'ADD:link'}                           | config: Additional property kill-at
        config: {vni: "5"}                                      | config.vni: Invalid type
        config: {drop-log-group: off}                           | config.drop-log-group: Invalid type
        config: {overlay: vxlam}                                | config.overlay must be one of
        config: {listen: 9474}                                  | config.listen:
        config: {run-dir: ikat}                                 | config.run-dir:
        config: {manifests: /srv}                               | config.manifests and config.kubeconfig
        config: {kubeconfig: null}                              | config.kubeconfig or config.manifests
        config: null                                            | config is required
        imgae: {tag: x}                                         | imgae
        image: {tga: x}                                         | image: Additional property tga
        image: {pullPolicy: Sometimes}                          | image.pullPolicy
        image: {pullSecrets: [key]}                             | image.pullSecrets.0
        resources: {limit: {}}                                  | resources: Additional property limit
        podAnnotations: {a: 5}                                  | podAnnotations.a
        updateStrategy: {maxUnavailable: 1}                     | updateStrategy: Additional property maxUnavailable
        updateStrategy: {rollingUpdate: {maxUnavailable: 0}}    | updateStrategy.rollingUpdate.maxUnavailable
        tolerations: [{key: a, effect: NoSchedul}]              | tolerations.0.effect
        affinity: {nodAffinity: {}}                             | affinity: Additional property nodAffinity
        """)
    void wrongValueIsRefusedByItsName(String values, String named) {
        assertThatThrownBy(() -> HelmChart.render(values)).hasMessageContaining(named);
    }

    @Test
    void notesSayHowToTakeIkatAway() {
        String job = "deploy/uninstall-job.yaml";

        assertThat(HelmChart.notes())
                .contains(
                        "helm uninstall ikat --namespace kube-system", "daemonset/" + job, "image: ikat-agent:0.1.0|");
        assertThat(Path.of(job)).content().contains("NODE-NAME", "image: ikat-agent:0.1.0\n");
    }
}
