package dev.ikat.agent.cni;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConflistTest {
    @TempDir
    private Path directory;

    @Test
    void chainedPluginsGetTheCapabilitiesTheyNeed() {
        String text = new String(
                new Conflist(directory, "10-ikat.conflist", List.of("portmap", "bandwidth", "tuning")).content(),
                StandardCharsets.UTF_8);
        assertThat(text.replaceAll("\\s", ""))
                .isEqualTo("{\"cniVersion\":\"1.0.0\",\"name\":\"ikat\",\"plugins\":["
                        + "{\"type\":\"ikat\",\"capabilities\":{\"ips\":true}},"
                        + "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},"
                        + "{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}},"
                        + "{\"type\":\"tuning\"}]}");
    }

    @Test
    void fileIsReadableByAllAndWrittenOnlyWhereItDiffers() throws IOException {
        Conflist conflist = new Conflist(directory.resolve("net.d"), "10-ikat.conflist", List.of());
        assertThat(conflist.write()).isEqualTo(Conflist.Found.MISSING);
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(conflist.file())))
                .isEqualTo("rw-r--r--");
        Files.writeString(conflist.file(), "{}");
        assertThat(conflist.write()).isEqualTo(Conflist.Found.DIFFERENT);
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
        try (Stream<Path> files = Files.list(directory.resolve("net.d"))) {
            assertThat(files).containsExactly(conflist.file());
        }
    }

    @Test
    void emptiedFileIsWrittenAgain() throws IOException {
        Conflist conflist = new Conflist(directory, "10-ikat.conflist", List.of());
        conflist.write();
        Files.writeString(conflist.file(), "");
        assertThat(conflist.write()).isEqualTo(Conflist.Found.EMPTY);
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
    }

    @Test
    void pluginsThatOthersAppendedStay() throws IOException {
        Conflist conflist = new Conflist(directory, "10-ikat.conflist", List.of("portmap"));
        ObjectMapper json = new ObjectMapper();
        ObjectNode list = (ObjectNode) json.readTree(conflist.content());
        ((ArrayNode) list.get("plugins")).addObject().put("type", "istio-cni").put("log_level", "info");
        Files.write(conflist.file(), json.writeValueAsBytes(list));
        assertThat(conflist.write()).isEqualTo(Conflist.Found.IN_ORDER);

        // But Ikat's own part is to be as it was written.
        ((ObjectNode) list.get("plugins").get(0)).put("type", "bridge");
        Files.write(conflist.file(), json.writeValueAsBytes(list));
        assertThat(conflist.write()).isEqualTo(Conflist.Found.DIFFERENT);
    }

    @Test
    void linksAreReplacedAndNotFollowed() throws IOException {
        Path victim = Files.writeString(directory.resolve("victim"), "as it was");
        Conflist conflist = new Conflist(directory.resolve("net.d"), "10-ikat.conflist", List.of());
        Files.createDirectory(directory.resolve("net.d"));
        Files.createSymbolicLink(directory.resolve("net.d/.10-ikat.conflist.new"), victim);
        Files.createSymbolicLink(conflist.file(), victim);

        conflist.write();

        assertThat(victim).hasContent("as it was");
        assertThat(Files.isSymbolicLink(conflist.file())).isFalse();
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
    }
}
