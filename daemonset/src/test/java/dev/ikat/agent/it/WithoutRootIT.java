package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agent as it is installed, started by somebody who is not root. */
@RequiresRoot
final class WithoutRootIT {
    @TempDir
    private Path directory;

    private static ProcessResult run(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                "unshare",
                "--user",
                "--map-user=1000",
                Distribution.configured().agent().toString()));
        command.addAll(List.of(arguments));
        return ProcessRunner.of(command).run();
    }

    @Test
    void startIsRefusedInOneLineThatSaysWhatToDo() {
        ProcessResult result = run("--node-name=a", "--manifests=" + directory, "--run-dir=" + directory);

        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.stderr().lines())
                .singleElement()
                .asString()
                .startsWith("ikat-agent: it changes the kernel's network, which needs root: start it by sudo");
    }

    @Test
    void uninstallationIsRefusedInOneLineThatSaysWhatToDo() {
        ProcessResult result = run("uninstall", "--run-dir=" + directory);

        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.stderr().lines())
                .singleElement()
                .asString()
                .startsWith("ikat-agent uninstall: it changes the kernel's network, which needs root: run it by sudo");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void settingsAreCheckedForEverybody() {
        ProcessResult result = run("--check", "--node-name=a", "--manifests=" + directory);

        assertThat(result.exitCode()).as(result.stderr()).isZero();
        assertThat(result.stdout()).isEqualTo("ikat-agent: all settings are valid\n");
    }
}
