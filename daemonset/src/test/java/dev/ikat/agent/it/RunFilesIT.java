package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Somebody takes away the files of an agent that runs: they are made again, and meanwhile the agent says so. */
@RequiresRoot
final class RunFilesIT {
    private static final Duration LIMIT = Duration.ofSeconds(15);

    private static Cluster cluster;
    private static ClusterNode node;

    @BeforeAll
    static void makeANodeWithTwoPods() {
        cluster = Cluster.start(Cluster.Options.nodes(1));
        node = cluster.node(0);
        node.addPod("one");
        node.addPod("two");
    }

    @AfterAll
    static void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        Await.until(LIMIT, () -> "not so: " + what + ": " + node.logTail(), condition);
    }

    private static double metric(String name) {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith(name))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    private static void assertAllIsWell() {
        await("the agent is ready", node::isReady);
        assertThat(node.status().exitCode()).isZero();
        node.addPod("three").delete();
        NodeWitness.awaitExactly(node, LIMIT);
        NodeWitness.assertAllPairsConnect(cluster);
    }

    @Test
    void runDirectoryThatIsRemovedIsMadeAgain() throws Exception {
        double before = metric("ikat_run_files_lost_total");
        node.removeTree(node.runDirectory());

        await(
                "the directory is there again",
                () -> Files.exists(node.runDirectory().resolve("agent.sock"))
                        && Files.exists(node.runDirectory().resolve("agent.lock"))
                        && Files.exists(node.runDirectory().resolve("leases/leases.log"))
                        && Files.exists(node.runDirectory().resolve("sysctl.before")));

        assertAllIsWell();
        assertThat(metric("ikat_run_files_lost_total")).isGreaterThanOrEqualTo(before + 4);
        assertThat(node.logLines())
                .anyMatch(line -> line.contains("level=WARN") && line.contains("event=run-files-lost"));
    }

    @Test
    void leasesThatAreRemovedAreWrittenAgain() {
        node.removeTree(node.runDirectory().resolve("leases"));

        await(
                "the leases are there again",
                () -> Files.exists(node.runDirectory().resolve("leases/leases.log")));

        NodeWitness.awaitExactly(node, LIMIT);
        assertAllIsWell();
    }

    @Test
    void anotherAgentDoesNotComeInThoughTheLockIsRemoved() throws Exception {
        Files.delete(node.runDirectory().resolve("agent.lock"));
        ProcessResult second = secondAgent(node.runDirectory());

        assertThat(second.exitCode()).as(second.toString()).isEqualTo(1);
        assertThat(second.toString())
                .contains("another agent (process " + node.agent().pid() + ")");
        assertAllIsWell();
        await("the lock is there again", () -> Files.exists(node.runDirectory().resolve("agent.lock")));
    }

    @Test
    void anotherAgentWithAnotherRunDirectoryDoesNotComeIn() {
        Path other = node.runDirectory().resolveSibling("other");
        ProcessResult second = secondAgent(other);

        assertThat(second.exitCode()).as(second.toString()).isEqualTo(1);
        assertThat(second.toString()).contains(node.runDirectory().toString(), other.toString());
        assertAllIsWell();
    }

    private static ProcessResult secondAgent(Path runDirectory) {
        return node.agentCommand(
                "--node-name=" + node.name(),
                "--run-dir=" + runDirectory,
                "--cni-conf-dir=" + node.confDirectory(),
                "--listen=0",
                "--manifests=" + node.confDirectory());
    }

    @Test
    void networkConfigurationThatIsEmptiedChangedOrRemovedIsWrittenAgain() throws IOException {
        Path conflist = node.confDirectory().resolve("10-ikat.conflist");
        String before = Files.readString(conflist);
        double mended = metric("ikat_conflist_mended_total");

        Files.writeString(conflist, "");
        await("it is no longer empty", () -> content(conflist).equals(before));
        Files.writeString(conflist, before.replace("\"ikat\"", "\"bridge\""));
        await("it is no longer another", () -> content(conflist).equals(before));
        Files.delete(conflist);
        await("it is there again", () -> content(conflist).equals(before));

        assertThat(metric("ikat_conflist_mended_total")).isGreaterThanOrEqualTo(mended + 3);
        assertAllIsWell();
    }

    @Test
    void networkConfigurationThatCanNotBeWrittenMakesTheNodeUnready() throws IOException {
        Path conflist = node.confDirectory().resolve("10-ikat.conflist");
        // In the moment between, the agent may have written it again.
        await("a directory is in its place", () -> {
            try {
                Files.deleteIfExists(conflist);
                Files.createDirectory(conflist);
                return true;
            } catch (IOException e) {
                return false;
            }
        });

        await("the agent is not ready", () -> !node.isReady());
        ProcessResult status = node.status();
        assertThat(status.exitCode()).isEqualTo(3);
        assertThat(status.stdout()).contains("conflist: can't write the network configuration " + conflist);

        Files.delete(conflist);
        await("it is there again", () -> !content(conflist).isEmpty());
        assertAllIsWell();
    }

    private static String content(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }
}
