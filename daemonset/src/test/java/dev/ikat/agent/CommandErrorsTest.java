package dev.ikat.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What commands say that can't do their work: one line each. */
class CommandErrorsTest {
    @TempDir
    private Path directory;

    private static String errors(int exitCode, String... arguments) {
        StringWriter errors = new StringWriter();
        assertThat(AgentMain.commandLine().setErr(new PrintWriter(errors, true)).execute(arguments))
                .isEqualTo(exitCode);
        return errors.toString();
    }

    @Test
    void installWithoutItsFilesSaysWhichOptionNamesThem() {
        assertThat(errors(1, "install", "--from=" + directory, "--cni-bin-dir=" + directory.resolve("bin")))
                .isEqualTo(
                        "ikat-agent install: can't install the plugin in " + directory.resolve("bin") + ": " + directory
                                + ": does not contain ikat and ikat-runtime; name the distribution's directory cni by --from;"
                                + " the previous version is unchanged\n");
    }

    @Test
    void installIntoAFileSaysWhatIsInTheWay() throws IOException {
        Path from = Files.createDirectory(directory.resolve("from"));
        Files.writeString(from.resolve("ikat"), "");
        Files.createDirectories(from.resolve("ikat-runtime/lib"));
        Path file = Files.writeString(directory.resolve("bin"), "");

        assertThat(errors(1, "install", "--from=" + from, "--cni-bin-dir=" + file))
                .isEqualTo("ikat-agent install: can't install the plugin in " + file + ": " + file
                        + " is in the way; the previous version is unchanged\n");
    }

    @Test
    void unknownOptionIsOneLineAndNotAllOfTheHelp() {
        assertThat(errors(2, "--vxlan-prot=1"))
                .isEqualTo("ikat-agent: Unknown option: '--vxlan-prot=1'; 'ikat-agent --help' lists the options\n");
        assertThat(errors(2, "status", "--jsn"))
                .isEqualTo(
                        "ikat-agent status: Unknown option: '--jsn'; 'ikat-agent status --help' lists the options\n");
    }

    @Test
    void whatHappenedIsSaidWithoutTheNamesOfClasses() {
        assertThat(CommandErrors.reason(new UncheckedIOException(new AccessDeniedException("/run/ikat"))))
                .isEqualTo("permission denied: /run/ikat");
        assertThat(CommandErrors.reason(new NoSuchFileException("/opt/ikat"))).isEqualTo("there is no /opt/ikat");
        assertThat(CommandErrors.reason(new UncheckedIOException("can't read x", new IOException("broken"))))
                .isEqualTo("can't read x");
    }

    @Test
    void onlyDefectsHaveAStackTrace() {
        assertThat(CommandErrors.isDefect(new NullPointerException())).isTrue();
        assertThat(CommandErrors.isDefect(new IOException("x"))).isFalse();
        assertThat(CommandErrors.isDefect(new UncheckedIOException(new IOException("x"))))
                .isFalse();
    }
}
