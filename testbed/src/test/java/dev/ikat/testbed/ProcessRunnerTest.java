package dev.ikat.testbed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ProcessRunnerTest {
    @Test
    void givesInputAndEnvironmentAndReturnsBothOutputs() {
        ProcessResult result = ProcessRunner.of("/bin/sh", "-c", "cat; echo $GREETING >&2; exit 3")
                .withCleanEnvironment()
                .withEnvironment(Map.of("GREETING", "selamat"))
                .withInput("tenun")
                .run();

        assertThat(result.stdout()).isEqualTo("tenun");
        assertThat(result.stderr()).isEqualTo("selamat\n");
        assertThat(result.exitCode()).isEqualTo(3);
        assertThatThrownBy(result::orThrow).hasMessageContaining("exit code 3").hasMessageContaining("selamat");
    }

    @Test
    void killsWhatExceedsItsLimit() {
        ProcessRunner runner = ProcessRunner.of("sleep", "600").withLimit(Duration.ofMillis(50));

        assertThatThrownBy(runner::run)
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("within 50 ms");
    }

    @Test
    void inputThatNobodyReadsIsNoError() {
        ProcessResult result =
                ProcessRunner.of("true").withInput("x".repeat(1 << 20)).run();

        assertThat(result.succeeded()).isTrue();
    }

    @Test
    void namesTheProgramThatIsMissing() {
        assertThatThrownBy(() -> ProcessRunner.output("/nowhere/at-all"))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("/nowhere/at-all");
    }
}
