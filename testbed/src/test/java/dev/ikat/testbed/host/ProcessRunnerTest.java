package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
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
    void killsWhatItStartedToo() throws IOException {
        try (TestDirectory directory = TestDirectory.create()) {
            Path pid = directory.path().resolve("pid");
            ProcessRunner runner = ProcessRunner.of("sh", "-c", "sleep 600 & echo $! >" + pid + "; wait")
                    .withLimit(Duration.ofMillis(500));

            assertThatThrownBy(runner::run).isInstanceOf(CommandFailedException.class);
            long child = Long.parseLong(Files.readString(pid).strip());
            Await.until(
                    Duration.ofSeconds(2),
                    () -> "the child is alive",
                    () -> RunOwner.startTime(child).isEmpty());
        }
    }

    @Test
    void saysWhichSignalEndedIt() {
        assertThat(ProcessRunner.of("sh", "-c", "kill -KILL $$").run().exitCode())
                .isEqualTo(128 + 9);
    }

    @Test
    void startsInADirectoryWithNothingOpenButInputAndOutputs() {
        assertThat(ProcessRunner.of("sh", "-c", "pwd; ls /proc/$$/fd")
                        .in(Path.of("/proc"))
                        .run()
                        .orThrow()
                        .stdout()
                        .lines())
                .containsExactly("/proc", "0", "1", "2");
    }

    @Test
    void endsWithTheThreadThatWaits() throws InterruptedException {
        Thread waiting = Thread.currentThread();
        Thread interrupter = Thread.ofVirtual().start(() -> {
            Await.until(
                    Duration.ofSeconds(5),
                    () -> "nobody waits",
                    () -> ProcessHandle.current()
                            .children()
                            .anyMatch(child ->
                                    child.info().arguments().filter(has("601")).isPresent()));
            waiting.interrupt();
        });

        assertThatThrownBy(ProcessRunner.of("sleep", "601")::run).hasMessageContaining("interrupted");
        assertThat(Thread.interrupted()).isTrue();
        interrupter.join();
    }

    private static Predicate<String[]> has(String argument) {
        return arguments -> List.of(arguments).contains(argument);
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
                .hasMessageContaining("/nowhere/at-all")
                .hasMessageContaining("No such file");
    }
}
