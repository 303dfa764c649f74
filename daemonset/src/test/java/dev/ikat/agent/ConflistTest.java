package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

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
        assertThat(conflist.write()).isTrue();
        assertThat(conflist.write()).isFalse();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(conflist.file())))
                .isEqualTo("rw-r--r--");
        Files.writeString(conflist.file(), "{}");
        assertThat(conflist.write()).isTrue();
        assertThat(Files.readAllBytes(conflist.file())).isEqualTo(conflist.content());
        try (Stream<Path> files = Files.list(directory.resolve("net.d"))) {
            assertThat(files).containsExactly(conflist.file());
        }
    }
}
