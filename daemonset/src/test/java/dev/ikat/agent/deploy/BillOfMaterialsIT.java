package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is installed says what it is made of, and the image what it is. */
class BillOfMaterialsIT {
    private static final Path TARGET = Path.of("target");
    private static final Path ARCHIVE = TARGET.resolve("ikat-agent.tar");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long LARGEST = 195L << 20;

    private static JsonNode bill() throws IOException {
        return JSON.readTree(TARGET.resolve("sbom.json").toFile());
    }

    private static List<Path> libraries() throws IOException {
        try (Stream<Path> files = Files.list(Distribution.configured().root().resolve("agent/lib"))) {
            return files.sorted().toList();
        }
    }

    /** The components and the agent itself, by the names that their files have. */
    private static Map<String, JsonNode> components() throws IOException {
        JsonNode bill = bill();
        assertThat(bill.path("bomFormat").asText()).isEqualTo("CycloneDX");
        Map<String, JsonNode> components = new TreeMap<>();
        bill.path("components").forEach(component -> components.put(fileName(component), component));
        JsonNode agent = bill.path("metadata").path("component");
        components.put(fileName(agent), agent);
        return components;
    }

    private static String fileName(JsonNode component) {
        String classifier = component.path("purl").asText().replaceAll("^[^?]*\\?|type=jar|&", "");
        return component.path("name").asText() + "-" + component.path("version").asText()
                + classifier.replace("classifier=", "-") + ".jar";
    }

    @Test
    void everyLibraryOfTheAgentIsListedWithLicenceAndDigest() throws IOException {
        Map<String, JsonNode> components = components();
        assertThat(libraries()).hasSizeGreaterThan(10);
        for (Path library : libraries()) {
            String name = library.getFileName().toString();
            JsonNode component = Objects.requireNonNull(components.get(name), name + " is not listed");
            assertThat(component.path("licenses")).as("licences of %s", name).isNotEmpty();
            if (!component.path("group").asText().equals("dev.ikat")) {
                assertThat(digest(component)).as("digest of %s", name).isEqualTo(digest(library));
            }
        }
    }

    /** Those of the benchmarks have a licence that is for programs which are not shipped. */
    @Test
    void libraryOfTestsOrBenchmarksIsNotShipped() throws IOException {
        assertThat(libraries())
                .extracting(library -> library.getFileName().toString())
                .noneMatch(name -> name.matches("(jmh|jopt|junit|assertj|ikat-(bench|testbed|backend-tests)).*"));
    }

    private static String digest(JsonNode component) {
        for (JsonNode hash : component.path("hashes")) {
            if (hash.path("alg").asText().equals("SHA-256")) {
                return hash.path("content").asText();
            }
        }
        return "none";
    }

    private static String digest(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Where {@code ./dev image} has been run. */
    @Test
    @RequiresProgram("tar")
    void imageHasLabelsAndIsNotTooLarge() throws IOException {
        assumeThat(ARCHIVE).as("no image was made: ./dev image").exists();
        JsonNode manifest = JSON.readTree(ofArchive("manifest.json")).path(0);
        JsonNode labels = JSON.readTree(ofArchive(manifest.path("Config").asText()))
                .path("config")
                .path("Labels");

        assertThat(labels.path("org.opencontainers.image.title").asText()).isEqualTo("ikat-agent");
        assertThat(labels.path("org.opencontainers.image.licenses").asText()).isEqualTo("Apache-2.0");
        assertThat(labels.path("org.opencontainers.image.version").asText()).matches("[0-9]+\\.[0-9]+\\.[0-9]+");
        assertThat(labels.path("org.opencontainers.image.revision").asText()).matches("[0-9a-f]{40}|unknown");
        assertThat(labels.path("org.opencontainers.image.created").asText())
                .matches("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z");
        assertThat(labels.path("org.opencontainers.image.description").asText()).isNotEmpty();
        assertThat(Files.size(ARCHIVE)).isLessThanOrEqualTo(LARGEST);
    }

    private static String ofArchive(String name) {
        return ProcessRunner.output("tar", "-xOf", ARCHIVE.toString(), name);
    }
}
