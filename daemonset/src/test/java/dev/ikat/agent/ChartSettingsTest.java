package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.agent.config.AgentOptionsReader;
import dev.ikat.agent.config.Configuration;
import dev.ikat.agent.config.Setting;
import dev.ikat.agent.deploy.HelmChart;
import dev.ikat.agent.deploy.RequiresHelm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The chart's values take the agent's settings: all of them, no others, and to the agent as they were said. */
@RequiresHelm
class ChartSettingsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    static List<Setting> settings() {
        return Setting.documented();
    }

    private static JsonNode schema() throws IOException {
        return JSON.readTree(HelmChart.DIRECTORY.resolve("values.schema.json").toFile())
                .path("properties")
                .path("config");
    }

    /** The values that help says there are, if it says all. */
    private static List<String> alternatives(Setting setting) {
        String label = setting.paramLabel();
        return label.matches("[a-z]+(\\|[a-z]+)+") ? List.of(label.split("\\|")) : List.of();
    }

    @Test
    void schemaHasEverySettingAndNoOther() throws IOException {
        assertThat(schema().path("additionalProperties").asBoolean(true)).isFalse();
        assertThat(schema().path("properties").fieldNames())
                .toIterable()
                .containsExactlyElementsOf(settings().stream().map(Setting::key).toList());
    }

    @ParameterizedTest
    @MethodSource("settings")
    void schemaSaysOfASettingWhatTheAgentDoes(Setting setting) throws IOException {
        JsonNode property = schema().path("properties").path(setting.key());

        String types = switch (setting.kind()) {
            case TEXT -> "\"string\"";
            case NUMBER -> "\"integer\"";
            case NUMBER_OR_TEXT -> "[\"integer\",\"string\"]";
            case TRUTH -> "\"boolean\"";
            case TRUTH_OR_TEXT -> "[\"boolean\",\"string\"]";
            case LIST -> "\"array\"";
        };
        assertThat(property.path("type")).hasToString(types);
        assertThat(property.path("description").asText()).isEqualTo(setting.meaning());
        if (setting.kind() == Setting.Kind.TEXT) {
            assertThat(JSON.convertValue(property.path("enum"), String[].class))
                    .isEqualTo(
                            alternatives(setting).isEmpty()
                                    ? null
                                    : alternatives(setting).toArray());
        }
    }

    @ParameterizedTest
    @MethodSource("settings")
    void valueOfAnotherKindIsRefusedByTheSettingsName(Setting setting) {
        assertThatThrownBy(() -> HelmChart.render("config: {" + setting.key() + ": [{}]}"))
                .hasMessageContainingAll("- config." + setting.key(), ": Invalid type");
    }

    static Stream<Arguments> texts() {
        return settings().stream().flatMap(setting -> texts(setting).map(text -> Arguments.of(setting, text)));
    }

    /** Values of which most are not what the agent does anyway. */
    private static Stream<String> texts(Setting setting) {
        if (!alternatives(setting).isEmpty()) {
            return alternatives(setting).stream();
        }
        return switch (setting) {
            case NODE_NAME -> Stream.of("worker-1", "007");
            case MANIFESTS -> Stream.of("DIRECTORY");
            case KUBECONFIG -> Stream.of("in-cluster", "FILE");
            case POD_CIDRS -> Stream.of("a=10.1.0.0/24,a=fd00:1::/64");
            case RUN_DIR, STATE_DIR, CNI_CONF_DIR, CNI_BIN_DIR -> Stream.of("/srv/ikat");
            case CONFLIST_NAME -> Stream.of("00-first.conflist");
            case CHAIN -> Stream.of("bandwidth", "portmap,bandwidth?", "{\"type\": \"tuning\"}");
            case UPLINK -> Stream.of("eth1", "123");
            case VNI -> Stream.of("0", "1000000", "16777215");
            case VXLAN_PORT -> Stream.of("65535");
            case MTU -> Stream.of("1400");
            case LISTEN -> Stream.of("0", "node:9474", "0.0.0.0:9474", "[::1]:9000");
            case RECONCILE_INTERVAL, LEASE_GRACE, POLICY_WAIT -> Stream.of("1500ms", "PT2M");
            case REQUEST_THREADS -> Stream.of("256");
            case DROP_LOG_GROUP -> Stream.of("off", "0", "65535");
            case SAMPLE_ACCEPTED -> Stream.of("2147483647");
            case POD_GSO_MAX_SIZE -> Stream.of("196608");
            case NODE_PORT_ADDRESSES -> Stream.of("10.0.0.0/8,fd00::/8");
            case SERVICE_HEALTH_PORT -> Stream.of("0", "65535");
            case LOAD_BALANCER_INTERFACES -> Stream.of("eth1,bond*");
            case BGP_AS -> Stream.of("4200000000");
            case BGP_BFD -> Stream.of("off", "300ms");
            case BGP_MESH_PASSWORD -> Stream.of("mesh");
            case BGP_PASSWORD_DIR -> Stream.of("/srv/passwords");
            case EBPF_TABLE_LIMITS -> Stream.of("members=2097152,connections=1000");
            default -> throw new AssertionError("a value for " + setting + ", to be tried");
        };
    }

    @ParameterizedTest
    @MethodSource("texts")
    void agentTakesASettingAsItWasSaidToHelm(Setting setting, String example, @TempDir Path directory)
            throws IOException {
        String text = switch (example) {
            case "DIRECTORY" -> directory.toString();
            case "FILE" -> Files.createFile(directory.resolve("kubeconfig")).toString();
            default -> example;
        };
        String values = setting == Setting.MANIFESTS
                ? "kubeconfig: null, "
                : setting == Setting.OVERLAY && example.equals("bgp") ? "bgp: true, " : "";

        Path file = directory.resolve("config.yaml");
        Files.writeString(file, settings("config: {" + values + setting.key() + ": " + value(setting, text) + "}"));

        Configuration configuration = Configuration.of(Map.of(), Map.of(), Optional.of(file));
        assertThat(configuration.faults()).isEmpty();
        assertThat(configuration.text(setting)).isEqualTo(text);
        assertThatCode(() -> AgentOptionsReader.read(
                        Configuration.of(Map.of(), Map.of("NODE_NAME", "node"), Optional.of(file))))
                .doesNotThrowAnyException();
    }

    private static String settings(String values) {
        return HelmChart.render(values).stream()
                .filter(object -> object.path("kind").asText().equals("ConfigMap"))
                .map(object -> object.path("data").path("config.yaml").asText())
                .findFirst()
                .orElseThrow();
    }

    private static String value(Setting setting, String text) {
        return switch (setting.kind()) {
            case TEXT -> quoted(text);
            case NUMBER, TRUTH -> text;
            case TRUTH_OR_TEXT -> text.matches("true|false") ? text : quoted(text);
            case NUMBER_OR_TEXT -> text.matches("[0-9]+") ? text : quoted(text);
            case LIST ->
                Arrays.stream(text.split(",", -1))
                        .map(ChartSettingsTest::quoted)
                        .toList()
                        .toString();
        };
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\"", "\\\"") + "\"";
    }
}
