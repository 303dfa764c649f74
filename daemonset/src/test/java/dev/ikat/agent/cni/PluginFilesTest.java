package dev.ikat.agent.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class PluginFilesTest {
    @TempDir
    private Path directory;

    private Path build(String version) throws IOException {
        Path from = directory.resolve("build-" + version);
        Files.createDirectories(from.resolve("ikat-runtime/lib"));
        Files.writeString(from.resolve("ikat"), "launcher " + version);
        Path modules = from.resolve("ikat-runtime/lib/modules");
        Files.writeString(modules, "modules " + version);
        // A day for each version: builds differ by their time.
        Files.setLastModifiedTime(modules, FileTime.fromMillis(86_400_000L * (1 + version.hashCode() % 1000)));
        return from;
    }

    private Path bin() {
        return directory.resolve("bin");
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(bin())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void installedTwiceIsInstalledOnce() throws IOException {
        Path from = build("1");
        assertThat(PluginFiles.install(from, bin())).isTrue();
        List<String> first = names();
        assertThat(PluginFiles.install(from, bin())).isFalse();
        assertThat(names()).isEqualTo(first);
        assertThat(bin().resolve("ikat")).hasContent("launcher 1");
        assertThat(bin().resolve("ikat-runtime/lib/modules")).hasContent("modules 1");
        assertThat(Files.getLastModifiedTime(bin().resolve("ikat-runtime/lib/modules")))
                .isEqualTo(Files.getLastModifiedTime(from.resolve("ikat-runtime/lib/modules")));
    }

    @Test
    void upgradeKeepsTheFormerRuntimeAndNoneBefore() throws IOException {
        for (String version : List.of("1", "2", "3")) {
            PluginFiles.install(build(version), bin());
        }
        assertThat(bin().resolve("ikat")).hasContent("launcher 3");
        assertThat(bin().resolve("ikat-runtime/lib/modules")).hasContent("modules 3");
        assertThat(names().stream().filter(name -> name.startsWith(".ikat-runtime-")))
                .hasSize(2);
    }

    @Test
    void copyMadeByHandIsReplaced() throws IOException {
        Files.createDirectories(bin().resolve("ikat-runtime/lib"));
        Files.writeString(bin().resolve("ikat-runtime/lib/modules"), "by hand");
        PluginFiles.install(build("1"), bin());
        assertThat(bin().resolve("ikat-runtime/lib/modules")).hasContent("modules 1");
    }

    @Test
    void whatAnInstallationCutShortLeftDoesNotHinderTheNext() throws IOException {
        Files.createDirectories(bin().resolve(".ikat-new-runtime/lib"));
        Files.writeString(bin().resolve(".ikat-new-runtime/lib/modules"), "half");
        PluginFiles.install(build("1"), bin());
        assertThat(bin().resolve("ikat-runtime/lib/modules")).hasContent("modules 1");
        assertThat(names()).noneMatch(name -> name.startsWith(".ikat-new"));
    }

    @Test
    void sourceWithoutAPluginLeavesWhatIsThere() throws IOException {
        PluginFiles.install(build("1"), bin());
        List<String> before = names();
        assertThatThrownBy(() -> PluginFiles.install(directory.resolve("nowhere"), bin()))
                .isInstanceOf(NoSuchFileException.class);
        assertThat(names()).isEqualTo(before);
    }

    @Test
    void removalTakesOnlyWhatIsIkats() throws IOException {
        PluginFiles.install(build("1"), bin());
        PluginFiles.install(build("2"), bin());
        Files.writeString(bin().resolve("portmap"), "somebody else's");
        PluginFiles.remove(bin());
        assertThat(names()).containsExactly("portmap");
    }
}
