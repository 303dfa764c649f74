package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The demo of BGP as a user runs it. */
@RequiresRoot
@RequiresProgram({"bird", "birdc", "nft"})
final class BgpDemoIT {
    private static List<String> command() {
        // A build that was started in the background ignores SIGINT, and so would its children.
        return List.of(
                "env",
                "--default-signal=INT",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-D" + Distribution.PROPERTY + "=" + Distribution.configured().root(),
                "-cp",
                System.getProperty("java.class.path"),
                "dev.ikat.testbed.demo.Demo",
                "bgp");
    }

    /** Agents, BIRDs and routers have directories of the demo in their arguments. */
    private static List<String> processesOf(long pid) {
        return ProcessHandle.allProcesses()
                .map(process -> read(Path.of("/proc", Long.toString(process.pid()), "cmdline")))
                .filter(line -> line.contains("/ikt-" + pid + "s"))
                .toList();
    }

    private static List<String> namespacesOf(long pid) throws IOException {
        try (var files = Files.list(Path.of("/run/netns"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("ikt-" + pid + "s"))
                    .toList();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    void serviceIsReachedOverAllNodesAndAgainAfterOneHasDied() {
        ProcessResult result =
                ProcessRunner.of(command()).withLimit(Duration.ofMinutes(2)).run();

        assertThat(result.exitCode()).as(result.stdout() + result.stderr()).isZero();
        assertThat(result.stdout())
                .contains("all well")
                .containsPattern("with all nodes +tor-1, tor-2 +node-1, node-2 +node-3, node-4")
                .containsPattern("node-2 is dead +tor-1, tor-2 +node-1 +node-3, node-4")
                .containsPattern("node-2 is back +tor-1, tor-2 +node-1, node-2 +node-3, node-4")
                .containsPattern("node-2 is dead +\\d+ +0 +\\d+ +\\d+ +0")
                .doesNotContain("NO", "\u001b");
    }

    @Test
    void nothingIsLeftAfterCtrlC() throws IOException, InterruptedException {
        try (TestDirectory directory = TestDirectory.create()) {
            Path log = directory.path().resolve("demo.log");
            Process demo = ProcessRunner.of(command()).startInBackground(log);
            Await.until(
                    Duration.ofSeconds(60),
                    () -> "no node announces anything: " + read(log),
                    () -> read(log).contains("all nodes announce"));
            assertThat(processesOf(demo.pid())).isNotEmpty();

            ProcessRunner.output("kill", "-INT", Long.toString(demo.pid()));

            assertThat(demo.waitFor()).isEqualTo(130);
            assertThat(namespacesOf(demo.pid())).isEmpty();
            // A probe that waited for an answer just then ends by itself.
            Await.until(
                    Duration.ofSeconds(10),
                    () -> "there is still " + processesOf(demo.pid()),
                    () -> processesOf(demo.pid()).isEmpty());
        }
    }
}
