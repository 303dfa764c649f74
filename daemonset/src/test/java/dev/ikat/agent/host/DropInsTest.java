package dev.ikat.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.LinkNames;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What network managers are told, and whose files are kept. */
class DropInsTest {
    @TempDir
    Path root;

    private DropIns dropIns;
    private final List<String> told = new ArrayList<>();

    @BeforeEach
    void host() {
        dropIns = new DropIns(root);
    }

    private Path directory(String name) throws IOException {
        return Files.createDirectories(root.resolve(name));
    }

    private List<Path> files() throws IOException {
        try (var all = Files.walk(root)) {
            return all.filter(Files::isRegularFile)
                    .map(root::relativize)
                    .sorted()
                    .toList();
        }
    }

    @Test
    void programsThatAreNotThereGetNoFile() throws IOException {
        dropIns.install(told::add);
        assertThat(files()).isEmpty();
        assertThat(told).isEmpty();
    }

    @Test
    void eachProgramIsToldOnceAndNothingIsLeft() throws IOException {
        directory("etc/NetworkManager");
        directory("etc/systemd/network");
        dropIns.install(told::add);
        assertThat(files())
                .containsExactly(
                        Path.of("etc/NetworkManager/conf.d/90-ikat.conf"),
                        Path.of("etc/systemd/network/10-ikat.link"),
                        Path.of("etc/systemd/network/10-ikat.network"));
        assertThat(told).hasSize(3).first().asString().contains("nmcli general reload");
        told.clear();
        dropIns.install(told::add);
        assertThat(told).isEmpty();

        dropIns.remove(told::add);
        assertThat(files()).isEmpty();
        assertThat(told).hasSize(3).allMatch(line -> line.startsWith("removed: "));
        told.clear();
        dropIns.remove(told::add);
        assertThat(told).isEmpty();
    }

    @Test
    void whatSomebodyChangedIsKept() throws IOException {
        Path own = directory("etc/NetworkManager/conf.d").resolve("90-ikat.conf");
        Files.writeString(own, "[keyfile]\n");
        dropIns.install(told::add);
        dropIns.remove(told::add);
        assertThat(own).hasContent("[keyfile]");
        assertThat(told).hasSize(2).allMatch(line -> line.startsWith("kept: "));
    }

    @Test
    void patternsAreAboutIkatsLinksAlone() throws IOException {
        directory("etc/systemd/network");
        dropIns.install(told::add);
        List<String> patterns = Files.readAllLines(root.resolve("etc/systemd/network/10-ikat.network")).stream()
                .filter(line -> line.startsWith("Name="))
                .flatMap(line -> List.of(line.substring("Name=".length()).split(" ", -1)).stream())
                .toList();
        assertThat(List.of(LinkNames.OVERLAY, LinkNames.OTHER_OVERLAY, "ik0123456789a"))
                .allMatch(name -> matches(patterns, name));
        assertThat(List.of("eth0", "ikea0", "ikat0", "ik0123456789ab"))
                .allMatch(name -> new InterfaceName(name).value().equals(name) && !matches(patterns, name));
    }

    private static boolean matches(List<String> patterns, String name) {
        return patterns.stream()
                .anyMatch(pattern -> FileSystems.getDefault()
                        .getPathMatcher("glob:" + pattern)
                        .matches(Path.of(name)));
    }
}
