package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ApiReferenceTest {
    private static final Path PAGE = Path.of("../docs/api.md");
    private static final Path MADE = Path.of("target/api.md");

    @Test
    void pageIsMadeOfTheDefinitions() throws IOException {
        List<JsonNode> definitions = Stream.of("controller/addresspools.yaml", "bgp/crds.yaml")
                .flatMap(file -> KubernetesObjects.documents(Path.of("deploy").resolve(file)).stream())
                .toList();

        String made = ApiReference.of(definitions);

        Files.writeString(MADE, made);
        assertThat(Files.exists(PAGE) ? Files.readString(PAGE) : "")
                .as("in daemonset/: cp %s %s", MADE, PAGE)
                .isEqualTo(made);
    }

    @Test
    void everythingHasAMeaning() throws IOException {
        assertThat(Files.readAllLines(PAGE))
                .filteredOn(line -> line.startsWith("| `"))
                .isNotEmpty()
                .allSatisfy(line -> assertThat(line).doesNotEndWith("|  |"));
    }
}
