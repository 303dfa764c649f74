package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.BooleanNode;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.AgentOptionsReader;
import dev.ikat.agent.config.ClusterOrigin;
import dev.ikat.agent.config.Configuration;
import dev.ikat.agent.config.Listen;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.reconcile.ReconcileLoop;
import dev.ikat.kubernetes.ApiAddress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import picocli.CommandLine;

/** What is installed in clusters agrees with itself and with the agent. */
class DeployFilesTest {
    private static final Path DEPLOY = Path.of("deploy");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern METRIC = Pattern.compile("\\bikat_[a-z_]+");
    private static final Pattern REGISTERED = Pattern.compile(
            "(?<type>Counter|Gauge|Histogram)(?:WithCallback)?\\.builder\\(\\)(?<calls>.*?)\\.register\\(",
            Pattern.DOTALL);

    private static List<JsonNode> documents(String file) throws IOException {
        List<JsonNode> documents = new ArrayList<>();
        String text = Files.readString(DEPLOY.resolve(file));
        new Load(LoadSettings.builder().build())
                .loadAllFromString(text)
                .forEach(document -> documents.add(JSON.valueToTree(document)));
        return documents;
    }

    private static JsonNode document(String file, String kind) throws IOException {
        return documents(file).stream()
                .filter(document -> document.path("kind").asText().equals(kind))
                .findFirst()
                .orElseThrow();
    }

    private static Set<String> texts(JsonNode array, String field) {
        Set<String> texts = new TreeSet<>();
        array.forEach(element -> texts.add(element.path(field).asText()));
        return texts;
    }

    private static List<String> filesWithSettings() throws IOException {
        try (Stream<Path> files = Files.walk(DEPLOY)) {
            return Stream.concat(
                            Stream.of("base/ikat.yaml"),
                            files.filter(path -> path.endsWith("config.yaml"))
                                    .map(path -> DEPLOY.relativize(path).toString()))
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("filesWithSettings")
    void agentTakesTheSettings(String file, @TempDir Path directory) throws IOException {
        JsonNode data = document(file, "ConfigMap").path("data");
        assertThat(data.size()).isEqualTo(1);
        Path config = Files.writeString(
                directory.resolve("config.yaml"), data.path("config.yaml").asText());
        AgentOptions options =
                AgentOptionsReader.read(Configuration.of(Map.of(), Map.of("NODE_NAME", "node"), Optional.of(config)));
        assertThat(options.listen()).as("where the probes ask, and Prometheus").isEqualTo(new Listen.OnNode(9474));
        assertThat(options.cluster()).isEqualTo(new ClusterOrigin.Api(new ApiAddress.InCluster()));
    }

    @Test
    void agentOfTheDaemonSetReadsTheMountedFile() throws IOException {
        JsonNode agent = document("base/ikat.yaml", "DaemonSet")
                .path("spec")
                .path("template")
                .path("spec")
                .path("containers")
                .path(0);
        String key = document("base/ikat.yaml", "ConfigMap")
                .path("data")
                .fieldNames()
                .next();
        assertThat(agent.path("args")).hasToString("[\"--config=/etc/ikat/" + key + "\"]");
        assertThat(texts(agent.path("volumeMounts"), "mountPath")).contains("/etc/ikat");
    }

    @Test
    void serviceAccountMayOnlyReadAndPatchStatus() throws IOException {
        assertThat(document("base/ikat.yaml", "ClusterRole").path("rules")).isEqualTo(JSON.readTree("""
                        [{"apiGroups": [""], "resources": ["nodes", "namespaces", "pods"],
                          "verbs": ["get", "list", "watch"]},
                         {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"],
                          "verbs": ["get", "list", "watch"]},
                         {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]},
                         {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
                          "verbs": ["get", "list", "watch"]},
                         {"apiGroups": ["networking.k8s.io"], "resources": ["servicecidrs"],
                          "verbs": ["get", "list", "watch"]},
                         {"apiGroups": ["ikat.dev"], "resources": ["bgppeers", "bgpadvertisements"],
                          "verbs": ["get", "list", "watch"]},
                         {"apiGroups": ["ikat.dev"],
                          "resources": ["bgppeers/status", "bgpadvertisements/status"], "verbs": ["patch"]},
                         {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]}]
                        """));
        JsonNode binding = document("base/ikat.yaml", "ClusterRoleBinding");
        assertThat(binding.path("roleRef")).isEqualTo(JSON.readTree("""
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ikat"}
            """));
        assertThat(binding.path("subjects")).isEqualTo(JSON.readTree("""
            [{"kind": "ServiceAccount", "name": "ikat", "namespace": "kube-system"}]
            """));
        assertThat(documents("base/ikat.yaml").stream()
                        .map(document -> document.path("kind").asText())
                        .filter(kind -> kind.matches("(Cluster)?Role(Binding)?")))
                .containsExactly("ClusterRole", "ClusterRoleBinding");
    }

    /** The agent's account stays as it is, whatever else is written. */
    @Test
    void controllerMayWriteStatusesEventsAndItsLeaseOnly() throws IOException {
        Set<String> writes = new TreeSet<>();
        for (JsonNode role : documents("controller/controller.yaml")) {
            for (JsonNode rule : role.path("rules")) {
                rule.path("verbs").forEach(verb -> {
                    if (!Set.of("get", "list", "watch").contains(verb.asText())) {
                        rule.path("resources")
                                .forEach(resource -> writes.add(
                                        role.path("kind").asText() + " " + verb.asText() + " " + resource.asText()
                                                + rule.path("resourceNames").toString()));
                    }
                });
            }
        }
        assertThat(writes)
                .containsExactly(
                        "ClusterRole create events",
                        "ClusterRole patch addresspools/status",
                        "ClusterRole patch services/status",
                        "Role create leases",
                        "Role update leases[\"ikat-controller\"]");
    }

    @Test
    void controllerTakesTheArgumentsOfItsDeployment() throws IOException {
        JsonNode controller = document("controller/controller.yaml", "Deployment")
                .path("spec")
                .path("template")
                .path("spec")
                .path("containers")
                .path(0);
        List<String> arguments = new ArrayList<>();
        controller.path("args").forEach(argument -> arguments.add(argument.asText()));

        assertThatCode(() -> ControllerMain.commandLine().parseArgs(arguments.toArray(String[]::new)))
                .doesNotThrowAnyException();
        assertThat(controller.path("command")).hasToString("[\"/opt/ikat/agent/bin/ikat-controller\"]");
    }

    private static JsonNode daemonSetPod() throws IOException {
        return document("base/ikat.yaml", "DaemonSet")
                .path("spec")
                .path("template")
                .path("spec");
    }

    @Test
    void podsOfTheDaemonSetAreReplacedOneByOneAndBeforeOthersStarve() throws IOException {
        assertThat(document("base/ikat.yaml", "DaemonSet").path("spec").path("updateStrategy"))
                .isEqualTo(JSON.readTree("""
                    {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
                    """));
        assertThat(daemonSetPod().path("priorityClassName").asText()).isEqualTo("system-node-critical");
    }

    @Test
    void agentHasTheThreeProbesOfItsEndpoint() throws IOException {
        JsonNode agent = daemonSetPod().path("containers").path(0);
        Map<String, String> paths =
                Map.of("startupProbe", "/healthz", "livenessProbe", "/healthz", "readinessProbe", "/readyz");
        for (Map.Entry<String, String> probe : paths.entrySet()) {
            JsonNode get = agent.path(probe.getKey()).path("httpGet");
            assertThat(get.path("path").asText()).as(probe.getKey()).isEqualTo(probe.getValue());
            assertThat(get.path("host").asText()).as(probe.getKey()).isEqualTo("127.0.0.1");
            assertThat(get.path("port").asInt()).as(probe.getKey()).isEqualTo(9474);
        }
    }

    @Test
    void prometheusFindsTheAgentByAnnotationsOrByItsPort() throws IOException {
        JsonNode template = document("base/ikat.yaml", "DaemonSet").path("spec").path("template");
        assertThat(template.path("metadata").path("annotations")).isEqualTo(JSON.readTree("""
            {"prometheus.io/scrape": "true", "prometheus.io/port": "9474", "prometheus.io/path": "/metrics"}
            """));
        JsonNode port =
                template.path("spec").path("containers").path(0).path("ports").path(0);
        assertThat(port.path("containerPort").asInt()).isEqualTo(9474);
        List<String> kept = documents("monitoring/scrape.yaml").getFirst().findValuesAsText("regex");
        JsonNode controller = document("controller/controller.yaml", "Deployment")
                .path("spec")
                .path("template");
        assertThat(kept)
                .containsExactly(
                        name(template),
                        port.path("name").asText(),
                        name(controller),
                        port.path("name").asText());
    }

    private static String name(JsonNode template) {
        return template.path("metadata")
                .path("labels")
                .path("app.kubernetes.io/name")
                .asText();
    }

    @Test
    void agentHasTheseCapabilitiesAndNoWayToMore() throws IOException {
        JsonNode pod = daemonSetPod();
        assertThat(pod.path("containers").path(0).path("securityContext").path("capabilities"))
                .isEqualTo(JSON.readTree("""
                    {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]}
                    """));
        assertThat(pod.path("initContainers").path(0).path("securityContext").path("capabilities"))
                .isEqualTo(JSON.readTree("""
                    {"drop": ["ALL"]}
                    """));
    }

    @Test
    void initContainerInstallsIntoTheHostsPluginDirectoryAndNowhereElse() throws IOException {
        JsonNode pod = daemonSetPod();
        assertThat(pod.path("initContainers")).hasSize(1);
        JsonNode install = pod.path("initContainers").path(0);
        // PluginFilesTest has it that 'install' lets each file be whole at each moment.
        assertThat(install.path("args"))
                .hasToString("[\"install\",\"--cni-bin-dir=/host/opt/cni/bin\",\"--no-drop-ins\"]");
        assertThat(install.path("volumeMounts")).isEqualTo(JSON.readTree("""
            [{"name": "cni-bin", "mountPath": "/host/opt/cni/bin"}]
            """));
        assertThat(pod.path("volumes")).contains(JSON.readTree("""
            {"name": "cni-bin", "hostPath": {"path": "/opt/cni/bin", "type": "DirectoryOrCreate"}}
            """));
        assertThat(pod.path("containers").path(0).path("image")).isEqualTo(install.path("image"));
    }

    @Test
    void agentEndsBySigtermAloneAndTheManifestSaysWhy() throws IOException {
        assertThat(daemonSetPod().path("containers").path(0).has("lifecycle")).isFalse();
        assertThat(Files.readString(DEPLOY.resolve("base/ikat.yaml")).lines())
                .anyMatch(line -> line.matches("\\s+# No preStop hook: .*SIGTERM.*"));
    }

    @Test
    void podsOfTheDaemonSetAreSelectedAndTheirVolumesThere() throws IOException {
        JsonNode spec = document("base/ikat.yaml", "DaemonSet").path("spec");
        JsonNode template = spec.path("template");
        assertThat(template.path("metadata").path("labels"))
                .isEqualTo(spec.path("selector").path("matchLabels"));
        assertThat(template.path("spec").path("hostNetwork").asBoolean()).isTrue();
        assertThat(template.path("spec").path("tolerations")).hasToString("[{\"operator\":\"Exists\"}]");
        assertPodIsSound(template.path("spec"));
        assertPodIsSound(document("controller/controller.yaml", "Deployment")
                .path("spec")
                .path("template")
                .path("spec"));
        assertPodIsSound(document("uninstall-job.yaml", "Job")
                .path("spec")
                .path("template")
                .path("spec"));
    }

    private static void assertPodIsSound(JsonNode pod) {
        Set<String> mounted = new TreeSet<>();
        List<JsonNode> containers = new ArrayList<>();
        pod.path("initContainers").forEach(containers::add);
        pod.path("containers").forEach(containers::add);
        for (JsonNode container : containers) {
            mounted.addAll(texts(container.path("volumeMounts"), "name"));
            JsonNode security = container.path("securityContext");
            assertThat(security.has("privileged")).isFalse();
            assertThat(security.path("allowPrivilegeEscalation")).isEqualTo(BooleanNode.FALSE);
            assertThat(security.path("readOnlyRootFilesystem").asBoolean()).isTrue();
            assertThat(security.path("capabilities").path("drop")).hasToString("[\"ALL\"]");
            assertThat(security.path("seccompProfile").path("type").asText()).isEqualTo("RuntimeDefault");
            assertThat(container.path("resources").has("requests")).isTrue();
        }
        assertThat(mounted).isEqualTo(texts(pod.path("volumes"), "name"));
    }

    @Test
    void commandsOfTheManifestsAreTheAgents() throws IOException {
        JsonNode pod = document("base/ikat.yaml", "DaemonSet")
                .path("spec")
                .path("template")
                .path("spec");
        JsonNode job = document("uninstall-job.yaml", "Job")
                .path("spec")
                .path("template")
                .path("spec");
        for (JsonNode container : List.of(
                pod.path("initContainers").path(0), job.path("containers").path(0))) {
            List<String> arguments = new ArrayList<>();
            container.path("args").forEach(argument -> arguments.add(argument.asText()));
            CommandLine.ParseResult parsed = AgentMain.commandLine().parseArgs(arguments.toArray(String[]::new));
            assertThat(parsed.hasSubcommand()).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dashboard.json", "alerts.yaml"})
    void metricsThatAreAskedForExist(String file) throws IOException {
        Set<String> served = new TreeSet<>();
        for (Path source : sources()) {
            METRIC.matcher(Files.readString(source)).results().forEach(found -> served.add(found.group()));
        }
        String text = Files.readString(DEPLOY.resolve("monitoring").resolve(file), UTF_8);
        assertThat(METRIC.matcher(text).results().map(found -> found.group().replaceFirst("_(total|bucket)$", "")))
                .isNotEmpty()
                .allMatch(served::contains);
    }

    @Test
    void everyMetricOfTheTableIsOnTheDashboard() throws IOException {
        List<String> metrics = Pattern.compile("(?m)^\\| `(ikat_[a-z_]+)` ")
                .matcher(Files.readString(Path.of("../docs/metrics.md")))
                .results()
                .map(row -> row.group(1))
                .toList();
        List<String> expressions = JSON.readTree(
                        DEPLOY.resolve("monitoring/dashboard.json").toFile())
                .findValuesAsText("expr");
        assertThat(metrics)
                .hasSizeGreaterThan(10)
                .allSatisfy(metric -> assertThat(expressions)
                        .anyMatch(expression -> Pattern.compile("\\b" + metric + "(_bucket)?\\b")
                                .matcher(expression)
                                .find()));
    }

    @Test
    void everyMetricIsInTheTable() throws IOException {
        Set<String> rows = new TreeSet<>();
        for (Path source : sources()) {
            REGISTERED
                    .matcher(Files.readString(source))
                    .results()
                    .map(found -> row(found.group("type"), found.group("calls")))
                    .forEach(rows::add);
        }
        assertThat(rows).hasSizeGreaterThan(10);
        assertThat(Files.readString(Path.of("../docs/metrics.md"))).endsWith("|\n" + String.join("\n", rows) + "\n");
    }

    /** The code of what the image's programs are made of. */
    private static List<Path> sources() throws IOException {
        List<Path> all = new ArrayList<>();
        for (String module : List.of("daemonset", "kubernetes", "controller")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
                files.filter(path -> path.toString().endsWith(".java")).forEach(all::add);
            }
        }
        return all;
    }

    private static String row(String type, String calls) {
        String name = String.join("", strings(calls, "name"));
        return "| `%s` | %s | %s | %s |"
                .formatted(
                        type.equals("Counter") ? name + "_total" : name,
                        type.toLowerCase(Locale.ROOT),
                        strings(calls, "labelNames").stream()
                                .map(label -> "`" + label + "`")
                                .collect(Collectors.joining(", ")),
                        String.join("", strings(calls, "help")));
    }

    /** The texts that a method is called with. */
    private static List<String> strings(String calls, String method) {
        return Pattern.compile("\\." + method + "\\(((?:[\\s+,]*\"[^\"]*\")*)\\)")
                .matcher(calls)
                .results()
                .flatMap(call ->
                        Pattern.compile("\"([^\"]*)\"").matcher(call.group(1)).results())
                .map(text -> text.group(1))
                .toList();
    }

    @Test
    void dashboardAndAlertsAreWellFormed() throws IOException {
        JsonNode dashboard =
                JSON.readTree(DEPLOY.resolve("monitoring/dashboard.json").toFile());
        assertThat(texts(dashboard.path("panels"), "id"))
                .hasSize(dashboard.path("panels").size());
        for (JsonNode rule : documents("monitoring/alerts.yaml")
                .getFirst()
                .path("groups")
                .path(0)
                .path("rules")) {
            assertThat(rule.path("alert").asText()).startsWith("Ikat");
            assertThat(rule.path("expr").asText()).contains("ikat_");
            assertThat(rule.path("annotations").has("summary")).isTrue();
        }
    }

    @Test
    void tableOfTheKernelThatIsNearlyFullIsAnAlert() throws IOException {
        List<String> expressions =
                documents("monitoring/alerts.yaml").getFirst().findValuesAsText("expr");
        assertThat(expressions).contains("max by (instance, table) (ikat_ebpf_table_fill_ratio) > 0.9");
    }

    @Test
    void alertForOthersChangesLooksAtDriftOnly() throws IOException {
        List<String> expressions =
                documents("monitoring/alerts.yaml").getFirst().findValuesAsText("expr");
        assertThat(expressions.stream().filter(expression -> expression.contains("ikat_repairs_total")))
                .singleElement()
                .asString()
                .contains("cause=\"" + ReconcileLoop.Cause.DRIFT.label() + "\"");
    }

    @Test
    void metricsAreWrittenUnderTheNamesThatTheDashboardKnows() throws IOException {
        Metrics metrics = new Metrics();
        metrics.request("ADD", 0, 1);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        metrics.write(out);
        assertThat(out.toString(UTF_8)).contains("ikat_cni_requests_total{", "ikat_cni_request_seconds_bucket{");
    }
}
