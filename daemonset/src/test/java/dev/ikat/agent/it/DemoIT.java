package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The demo as a user runs it. */
@RequiresRoot
final class DemoIT {
    private static List<String> agentsOf(long pid) {
        return DemoRun.processesOf(pid).stream()
                .filter(line -> line.contains("AgentMain"))
                .toList();
    }

    @Test
    void everyPodReachesEveryOtherUntilPoliciesSayOtherwise() {
        ProcessResult result = ProcessRunner.of(DemoRun.command()).run();

        assertThat(result.exitCode()).as(result.stdout() + result.stderr()).isZero();
        assertThat(result.stdout())
                .contains("10.244.1.0/24", "fd00:10:244:2::/64", "64 connections", "all well")
                .containsPattern("pod-1 \\(node-1\\) +-- -- +-- -- +ok ok")
                .containsPattern("default/pod-\\d +default/pod-\\d +TCP/7000 +default/default-deny")
                .doesNotContain("NO", "\u001b");
    }

    /** A kernel without types (BTF), as far as the demo can see. */
    @Test
    void backendThatTheKernelRefusesEndsTheDemoAtOnceWithItsReason() {
        List<String> command = new ArrayList<>(List.of(
                "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"", "demo"));
        command.addAll(DemoRun.command("--policy-backend=ebpf"));

        ProcessResult result =
                ProcessRunner.of(command).withLimit(Duration.ofSeconds(60)).run();

        assertThat(result.exitCode()).as(result.stdout()).isEqualTo(1);
        assertThat(result.stdout())
                .containsPattern("the agent of node-1 can't be ready: .*BTF.*; this host can't run this policy backend")
                .doesNotContain("ADD pod-1");
        assertThat(result.elapsed()).isLessThan(Duration.ofSeconds(30));
    }

    @Test
    void nothingIsLeftAfterCtrlC() throws IOException, InterruptedException {
        try (TestDirectory directory = TestDirectory.create()) {
            Path log = directory.path().resolve("demo.log");
            Process demo = ProcessRunner.of(DemoRun.command()).startInBackground(log);
            Await.until(
                    Duration.ofSeconds(30),
                    () -> "no pod yet",
                    () -> DemoRun.read(log).contains("ADD pod-1"));
            assertThat(DemoRun.namespacesOf(demo.pid())).isNotEmpty();

            ProcessRunner.output("kill", "-INT", Long.toString(demo.pid()));

            assertThat(demo.waitFor()).isEqualTo(130);
            assertThat(DemoRun.namespacesOf(demo.pid())).isEmpty();
            assertThat(agentsOf(demo.pid())).isEmpty();
        }
    }
}
