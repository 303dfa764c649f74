package dev.ikat.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnDirectoryTest {
    @TempDir
    private Path directory;

    @Test
    void whatIsMadeIsForItsOwnerOnly() throws Exception {
        Path run = directory.resolve("parent/run");

        OwnDirectory.prepare(run);

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(run)))
                .isEqualTo("rwx------");
        OwnDirectory.prepare(run);
    }

    /** Where a process is in a deleted directory, its name leads there still, as a mount's does. */
    @Test
    void deletedDirectoryThatStillHasANameIsTold() throws Exception {
        Path deleted = Files.createDirectory(directory.resolve("deleted"));
        Process inside =
                new ProcessBuilder("sleep", "60").directory(deleted.toFile()).start();
        try {
            Path name = Path.of("/proc/" + inside.pid() + "/cwd/.");
            assertThat(OwnDirectory.isDeleted(name)).isFalse();

            Files.delete(deleted);

            assertThat(OwnDirectory.isDeleted(name)).isTrue();
            assertThat(OwnDirectory.isDeleted(deleted)).isFalse();
        } finally {
            inside.destroyForcibly().waitFor();
        }
    }
}
