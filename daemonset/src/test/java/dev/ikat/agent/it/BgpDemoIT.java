package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The demo of BGP as a user runs it. */
@RequiresRoot
@RequiresProgram({"bird", "birdc", "nft"})
final class BgpDemoIT {
    @Test
    void serviceIsReachedOverAllNodesAndAgainAfterOneHasDied() {
        ProcessResult result = ProcessRunner.of(DemoRun.command("bgp"))
                .withLimit(Duration.ofMinutes(2))
                .run();

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
            Process demo = ProcessRunner.of(DemoRun.command("bgp")).startInBackground(log);
            Await.until(
                    Duration.ofSeconds(60),
                    () -> "no node announces anything: " + DemoRun.read(log),
                    () -> DemoRun.read(log).contains("all nodes announce"));
            assertThat(DemoRun.processesOf(demo.pid())).isNotEmpty();

            ProcessRunner.output("kill", "-INT", Long.toString(demo.pid()));

            assertThat(demo.waitFor()).isEqualTo(130);
            assertThat(DemoRun.namespacesOf(demo.pid())).isEmpty();
            // A probe that waited for an answer just then ends by itself.
            Await.until(
                    Duration.ofSeconds(10),
                    () -> "there is still " + DemoRun.processesOf(demo.pid()),
                    () -> DemoRun.processesOf(demo.pid()).isEmpty());
        }
    }
}
