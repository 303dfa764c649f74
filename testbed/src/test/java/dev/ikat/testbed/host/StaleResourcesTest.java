package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"ip", "nsenter"})
final class StaleResourcesTest {
    /** Above the kernel's limit of pids (PID_MAX_LIMIT is 2^22), so never in use. */
    private static final long NO_PROCESS = 4_194_305;

    @Test
    void removesWhatADeadOwnerLeftAndNothingOfALivingOne() throws IOException, InterruptedException {
        Process owner = new ProcessBuilder("sleep", "600").start();
        String name = RunOwner.PREFIX + owner.pid() + "s"
                + Long.toString(RunOwner.startTime(owner.pid()).orElseThrow(), 36) + "-1";
        ProcessRunner.output("ip", "netns", "add", name);
        Path directory = Files.createDirectory(TestDirectory.base().resolve(name));
        Process inside = new ProcessBuilder("nsenter", "--net=/run/netns/" + name, "sleep", "600").start();
        Process listed = new ProcessBuilder("sleep", "600").start();
        Files.writeString(
                directory.resolve(StaleResources.PROCESS_LIST),
                listed.pid() + " " + RunOwner.startTime(listed.pid()).orElseThrow() + "\n");
        try (TestNamespace living = TestNamespace.create();
                TestDirectory livingDirectory = TestDirectory.create()) {
            awaitInside(name);
            StaleResources.sweep();
            assertThat(Path.of("/run/netns", name)).exists();

            owner.destroyForcibly().waitFor();
            StaleResources.sweep();

            assertThat(Path.of("/run/netns", name)).doesNotExist();
            assertThat(directory).doesNotExist();
            assertThat(inside.waitFor()).isEqualTo(137);
            assertThat(listed.waitFor()).isEqualTo(137);
            assertThat(living.path()).exists();
            assertThat(livingDirectory.path()).exists();
        }
    }

    /** nsenter needs a moment until it is in there. */
    private static void awaitInside(String namespace) {
        Await.until(
                Duration.ofSeconds(10),
                () -> "no process is in " + namespace,
                () -> !ProcessRunner.output("ip", "netns", "pids", namespace).isBlank());
    }

    @Test
    void aNameWithTheSamePidButAnotherStartTimeIsStale() {
        String own = RunOwner.uniqueName();
        long pid = ProcessHandle.current().pid();

        assertThat(RunOwner.isStale(own)).isFalse();
        assertThat(RunOwner.isStale("ikt-" + pid + "-3")).isFalse();
        assertThat(RunOwner.isStale("ikt-" + pid + "s0-3")).isTrue();
        assertThat(RunOwner.isStale("ikt-" + NO_PROCESS + "-3")).isTrue();
        assertThat(RunOwner.isStale("ikt-demo")).isFalse();
        assertThat(RunOwner.isStale("docker0")).isFalse();
    }
}
