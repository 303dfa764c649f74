package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void whatAnotherCheckoutKeepsStaysWhileOneOfItsProcessesLives(@TempDir Path checkout)
            throws IOException, InterruptedException {
        Process owner = new ProcessBuilder("true").start();
        String name = RunOwner.PREFIX + owner.pid() + "s0-1";
        owner.waitFor();
        Path directory = Files.createDirectory(TestDirectory.base().resolve(name));
        Process agent = new ProcessBuilder("sleep", "600").start();
        Files.writeString(
                directory.resolve(StaleResources.PROCESS_LIST),
                agent.pid() + " " + RunOwner.startTime(agent.pid()).orElseThrow() + "\n");
        Files.writeString(directory.resolve(StaleResources.KEEP), checkout.resolve("other") + "");

        StaleResources.sweepKept(checkout);
        assertThat(directory).exists();
        assertThat(agent.isAlive()).isTrue();

        agent.destroyForcibly().waitFor();
        StaleResources.sweepKept(checkout);
        assertThat(directory).doesNotExist();
    }

    @Test
    void whatThisCheckoutKeepsGoesWithItsProcesses(@TempDir Path checkout) throws IOException, InterruptedException {
        Process owner = new ProcessBuilder("true").start();
        String name = RunOwner.PREFIX + owner.pid() + "s0-1";
        owner.waitFor();
        Path directory = Files.createDirectory(TestDirectory.base().resolve(name));
        Process agent = new ProcessBuilder("sleep", "600").start();
        Files.writeString(
                directory.resolve(StaleResources.PROCESS_LIST),
                agent.pid() + " " + RunOwner.startTime(agent.pid()).orElseThrow() + "\n");
        Files.writeString(directory.resolve(StaleResources.KEEP), checkout.toString());

        StaleResources.sweep();
        assertThat(directory).as("no test run removes it").exists();
        StaleResources.sweepKept(checkout);

        assertThat(directory).doesNotExist();
        assertThat(agent.waitFor()).isEqualTo(137);
    }

    @Test
    void pinsOfANamespaceWithoutANameStayWhileAProcessIsInIt() throws IOException, InterruptedException {
        assumeTrue(Files.isWritable(Path.of("/sys/fs/bpf")), "there is no bpf file system");
        Process inside = new ProcessBuilder("unshare", "--net", "sleep", "600").start();
        Path namespace = Path.of("/proc/" + inside.pid() + "/ns/net");
        Object own = Files.getAttribute(Path.of("/proc/self/ns/net"), "unix:ino");
        Await.until(
                Duration.ofSeconds(10),
                () -> "no namespace yet",
                () -> !number(namespace).equals(own));
        Path pins = Files.createDirectories(
                Path.of("/sys/fs/bpf/ikat").resolve(number(namespace).toString()));

        BpfPins.removeStale(TestNamespace.DIRECTORY);
        assertThat(pins).exists();

        inside.destroyForcibly().waitFor();
        BpfPins.removeStale(TestNamespace.DIRECTORY);
        assertThat(pins).doesNotExist();
    }

    private static Object number(Path namespace) {
        try {
            return Files.getAttribute(namespace, "unix:ino");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
