package dev.ikat.agent.bgp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.bgp.Password;
import dev.ikat.bgp.Passwords;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PasswordFilesTest {
    @TempDir
    private Path directory;

    private Passwords.Entry find(PasswordFiles files) {
        return files.find("key");
    }

    @Test
    void newLineAtTheEndIsNoPartOfAPassword() throws IOException {
        Files.writeString(directory.resolve("key"), "secret\n");

        assertThat(find(new PasswordFiles(directory)))
                .isEqualTo(new Passwords.Entry(Optional.of(new Password("secret")), Optional.empty()));
    }

    @Test
    void missingPasswordIsNamed() {
        Passwords.Entry entry = find(new PasswordFiles(directory));

        assertThat(entry.password()).isEmpty();
        assertThat(entry.fault())
                .hasValueSatisfying(fault -> assertThat(fault).contains(directory + "/key", "Secret ikat-bgp"));
    }

    @Test
    void passwordThatCanNotBeUsedLeavesTheFormerOneAndIsNotSaid() throws IOException {
        PasswordFiles files = new PasswordFiles(directory);
        Files.writeString(directory.resolve("key"), "secret");
        find(files);
        Files.writeString(directory.resolve("key"), "quo\"ted");

        Passwords.Entry entry = find(files);

        assertThat(entry.password()).contains(new Password("secret"));
        assertThat(entry.fault())
                .hasValueSatisfying(
                        fault -> assertThat(fault).contains("can't be used").doesNotContain("quo\""));
    }
}
