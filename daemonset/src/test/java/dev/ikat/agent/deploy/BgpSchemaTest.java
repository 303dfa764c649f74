package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ikat.kubernetes.ApiKind;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ManifestDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the schemas of BgpPeer and BgpAdvertisement let through, agents can read. */
class BgpSchemaTest {
    private static final Path CRDS = Path.of("deploy/bgp/crds.yaml");
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Values of fields of which the schema says more than a type and bounds, at their extremes. */
    private static final Map<String, String> EXAMPLES = Map.ofEntries(
            Map.entry("nodeSelector", """
                    [{}, {"matchLabels": {"a.example/b": "", "c": "d_e.f"}},
                     {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", ""]},
                                           {"key": "x/y", "operator": "NotExists"}]}]""".replace("NotExists", "DoesNotExist")),
            Map.entry("peerSelector", "[{}, {\"matchLabels\": {\"a\": \"b\"}}]"),
            Map.entry("address", "[\"192.0.2.1\", \"2001:db8::1\", \"::ffff:192.0.2.1\", \"255.255.255.255\"]"),
            Map.entry("interface", "[\"eth0\", \"bond0.100\", \"a\", \"abcdefghijklmno\"]"),
            Map.entry("passwordKey", "[\"a\", \"-_.x\", \"A.b\"]"),
            Map.entry("bfd", """
                    [{}, {"interval": 10, "multiplier": 2}, {"interval": 60000, "multiplier": 50}]"""),
            Map.entry("accept", """
                    [[], [{"cidr": "0.0.0.0/0"}, {"cidr": "10.1.2.3/8", "maxLength": 32}, {"cidr": "::/0", "minLength": 0,
                      "maxLength": 128}, {"cidr": "10.0.0.0/8", "minLength": 24}]]"""),
            Map.entry("services", "[[\"ClusterIP\", \"ExternalIP\", \"LoadBalancerIP\"]]"),
            Map.entry("aggregates", "[[], [\"10.1.2.3/8\", \"2001:db8::/32\", \"192.0.2.1/32\"]]"),
            Map.entry("communities", "[[], [\"0:0\", \"65535:65535\", \"4294967295:0:4294967295\"]]"));

    /** What an object needs beside the field that is tried. */
    private static final Map<String, String> NEEDED = Map.of(
            "BgpPeer", "{\"address\": \"192.0.2.1\", \"as\": 64500}", "BgpAdvertisement", "{\"podCidrs\": true}");

    @TempDir
    private Path directory;

    private static JsonNode specOf(JsonNode definition) {
        return definition.at("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties");
    }

    static Stream<Arguments> specs() throws IOException {
        List<Arguments> all = new ArrayList<>();
        for (JsonNode definition : KubernetesObjects.documents(CRDS)) {
            String kind = definition.at("/spec/names/kind").asText();
            for (var property : specOf(definition).properties()) {
                for (JsonNode value : values(property.getKey(), property.getValue())) {
                    ObjectNode spec = (ObjectNode) JSON.readTree(NEEDED.getOrDefault(kind, "{}"));
                    spec.set(property.getKey(), value);
                    if (property.getKey().equals("podCidrs")) {
                        spec.putArray("services").add("ClusterIP");
                    }
                    all.add(Arguments.of(kind, spec.toString()));
                }
            }
        }
        return all.stream();
    }

    private static List<JsonNode> values(String name, JsonNode schema) throws IOException {
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        return switch (schema.path("type").asText()) {
            case "integer" -> List.of(schema.path("minimum"), schema.path("maximum"));
            case "boolean" -> List.of(nodes.booleanNode(true), nodes.booleanNode(false));
            default -> {
                String examples = EXAMPLES.get(name);
                assertThat(examples).as("values of " + name).isNotNull();
                List<JsonNode> all = new ArrayList<>();
                JSON.readTree(examples).forEach(all::add);
                yield all;
            }
        };
    }

    @ParameterizedTest
    @MethodSource("specs")
    void agentReadsWhatTheSchemaLetsThrough(String kind, String spec) throws IOException {
        Files.writeString(directory.resolve("object.yaml"), """
                apiVersion: ikat.dev/v1alpha1
                kind: %s
                metadata: {name: a}
                spec: %s
                """.formatted(kind, spec));
        List<ApiKind<?>> kinds = List.of(ApiKinds.BGP_PEERS, ApiKinds.BGP_ADVERTISEMENTS);

        try (ManifestDirectory source = new ManifestDirectory(directory, kinds)) {
            source.start();

            assertThat(source.faults()).isEmpty();
            assertThat(kinds)
                    .anySatisfy(each -> assertThat(source.objects(each.kind())).hasSize(1));
        }
    }

    @Test
    void chartHasTheSameDefinitions() throws IOException {
        assertThat(Files.readString(Path.of("deploy/chart/ikat/crds/bgp.yaml"))).isEqualTo(Files.readString(CRDS));
    }

    @Test
    void everyFieldOfTheDefinitionsIsKnownAndOfItsType() {
        assertThat(Kustomization.render(Path.of("deploy/bgp")))
                .hasSize(2)
                .allSatisfy(definition -> assertThatCode(() -> KubernetesObjects.strictly(definition))
                        .doesNotThrowAnyException());
    }

    @Test
    void statusIsASubresourceAndPrintedInColumns() {
        assertThat(KubernetesObjects.documents(CRDS)).hasSize(2).allSatisfy(definition -> {
            JsonNode version = definition.at("/spec/versions/0");
            assertThat(version.path("subresources").has("status")).isTrue();
            assertThat(version.path("additionalPrinterColumns").findValuesAsText("name"))
                    .contains("Accepted", "Reason");
            assertThat(version.findValues("x-kubernetes-validations")).isNotEmpty();
        });
    }

    @Test
    void documentationHasEveryFieldAndItsExamplesCanBeRead() throws IOException {
        String page = Files.readString(Path.of("../docs/bgp.md"));
        for (JsonNode definition : KubernetesObjects.documents(CRDS)) {
            for (var property : specOf(definition).properties()) {
                assertThat(page).contains("| `" + property.getKey() + "` |");
            }
        }
        int examples = 0;
        for (String block : page.split("```", -1)) {
            if (block.startsWith("yaml\napiVersion: ikat.dev")) {
                Files.writeString(directory.resolve("example-" + examples++ + ".yaml"), block.substring(5));
            }
        }
        assertThat(examples).isEqualTo(2);
        try (ManifestDirectory source =
                new ManifestDirectory(directory, List.of(ApiKinds.BGP_PEERS, ApiKinds.BGP_ADVERTISEMENTS))) {
            source.start();
            assertThat(source.faults()).isEmpty();
        }
    }
}
