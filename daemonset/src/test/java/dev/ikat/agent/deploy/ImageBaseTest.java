package dev.ikat.agent.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.ProcessRunner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Of which Debian the image's programs and libraries are, where no base is given. */
class ImageBaseTest {
    private static final Path BUILD = Path.of("deploy/image/build.sh");

    @TempDir
    private Path directory;

    private String suite(String osRelease) throws IOException {
        Path file = Files.writeString(directory.resolve("os-release"), osRelease);
        String script = Files.readString(BUILD);
        int begin = script.indexOf("base_suite() (");
        String function = script.substring(begin, script.indexOf("\n)\n", begin) + 3);
        return ProcessRunner.output("bash", "-euc", function + "base_suite " + file)
                .strip();
    }

    @ParameterizedTest
    @CsvSource({
        "debian, 11, bullseye, bookworm",
        "debian, 12, bookworm, bookworm",
        "debian, 13, trixie, trixie",
        "debian, 14, forky, forky",
        "ubuntu, 24.04, noble, bookworm",
    })
    void newerDebianIsItsOwnBase(String id, String version, String codename, String expected) throws IOException {
        assertThat(suite("ID=%s\nVERSION_ID=\"%s\"\nVERSION_CODENAME=%s\n".formatted(id, version, codename)))
                .isEqualTo(expected);
    }

    @Test
    void testingHasANameButNoNumber() throws IOException {
        assertThat(suite("ID=debian\nVERSION_CODENAME=forky\n")).isEqualTo("forky");
        assertThat(suite("NAME=Something\n")).isEqualTo("bookworm");
    }
}
