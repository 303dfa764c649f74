package dev.ikat.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.agent.cluster.ApiAddress;
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
        assertThat(options.listen())
                .as("where the probes ask")
                .hasValueSatisfying(address -> assertThat(address.getPort()).isEqualTo(9474));
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
    void serviceAccountMayOnlyReadAndPatchNodeStatus() throws IOException {
        for (JsonNode rule : document("base/ikat.yaml", "ClusterRole").path("rules")) {
            String resources = rule.path("resources").toString();
            String allowed = resources.equals("[\"nodes/status\"]") ? "[\"patch\"]" : "[\"get\",\"list\",\"watch\"]";
            assertThat(rule.path("verbs")).as(resources).hasToString(allowed);
        }
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
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            for (Path source :
                    sources.filter(path -> path.toString().endsWith(".java")).toList()) {
                METRIC.matcher(Files.readString(source)).results().forEach(found -> served.add(found.group()));
            }
        }
        String text = Files.readString(DEPLOY.resolve("monitoring").resolve(file), UTF_8);
        assertThat(METRIC.matcher(text).results().map(found -> found.group().replaceFirst("_(total|bucket)$", "")))
                .isNotEmpty()
                .allMatch(served::contains);
    }

    @Test
    void everyMetricIsInTheTable() throws IOException {
        Set<String> rows = new TreeSet<>();
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            for (Path source : sources.filter(Files::isRegularFile).toList()) {
                REGISTERED
                        .matcher(Files.readString(source))
                        .results()
                        .map(found -> row(found.group("type"), found.group("calls")))
                        .forEach(rows::add);
            }
        }
        assertThat(rows).hasSizeGreaterThan(10);
        assertThat(Files.readString(Path.of("../docs/metrics.md"))).endsWith("|\n" + String.join("\n", rows) + "\n");
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
    void metricsAreWrittenUnderTheNamesThatTheDashboardKnows() throws IOException {
        Metrics metrics = new Metrics();
        metrics.request("ADD", 0, 1);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        metrics.write(out);
        assertThat(out.toString(UTF_8)).contains("ikat_cni_requests_total{", "ikat_cni_request_seconds_bucket{");
    }
}
