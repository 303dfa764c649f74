package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.ipam.Lease;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.cluster.Distribution;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.NumberedStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The agent's files are lost or damaged, or it is told to use others: running pods do not notice. */
@RequiresRoot
final class LostLeasesIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int PORT = 7001;
    private static final int PER_SECOND = 200;

    private Cluster cluster;
    private ClusterNode node;
    private ClusterPod sender;
    private ClusterPod receiver;
    private NumberedStream stream;

    @BeforeEach
    void makePodsThatTalk() {
        cluster = Cluster.start(Cluster.Options.nodes(1));
        node = cluster.node(0);
        sender = node.addPod("sender");
        receiver = node.addPod("receiver");
        IpAddress to = receiver.addresses().getFirst();
        stream = NumberedStream.start(sender.namespace(), receiver.namespace(), to, PORT, PER_SECOND);
        Await.until(LIMIT, () -> "nothing arrives", () -> stream.soFar().arrived() > 0);
    }

    @AfterEach
    void close() {
        stream.close();
        cluster.close();
    }

    private Path log() {
        return node.runDirectory().resolve("leases/leases.log");
    }

    private void damage(String how) throws IOException {
        switch (how) {
            case "dir" -> node.removeTree(node.runDirectory());
            case "empty" -> Files.write(log(), new byte[0]);
            case "torn" -> {
                byte[] whole = Files.readAllBytes(log());
                Files.write(log(), Arrays.copyOf(whole, whole.length - 7));
            }
            case "nonsense" -> Files.writeString(log(), "nonsense\n".repeat(100));
            default -> throw new IllegalArgumentException(how);
        }
    }

    private void assertNothingIsLost() {
        NodeWitness.awaitExactly(node, LIMIT);
        // And nobody gets their addresses.
        ClusterPod third = node.addPod("third");
        NodeWitness.assertAllPairsConnect(cluster);
        third.delete();
        NodeWitness.awaitExactly(node, LIMIT);
        assertThat(stream.end().missing()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"dir", "empty", "torn", "nonsense"})
    void agentThatStartsWithoutThemRebuildsLeases(String how) throws IOException {
        node.killAgent();
        damage(how);

        node.startAgent();
        node.awaitReady(Cluster.READY_LIMIT);

        assertThat(node.logLines()).anyMatch(line -> line.contains("event=lease-rebuilt"));
        assertThat(node.metrics()).containsPattern("ikat_leases_rebuilt_total\\{from=\"link\"} [12].0");
        assertNothingIsLost();
    }

    @ParameterizedTest
    @ValueSource(strings = {"empty", "nonsense"})
    void runningAgentKeepsWhatItKnows(String how) throws IOException {
        damage(how);
        ClusterPod witness = node.addPod("witness");
        witness.delete();

        Await.until(
                LIMIT,
                node::logTail,
                () -> node.logLines().stream().anyMatch(line -> line.contains("event=leases-damaged")));
        assertThat(node.status().stdout()).contains("fault: ");
        assertNothingIsLost();
    }

    @Test
    void agentWithAnotherRunDirectoryRefusesAndNamesBoth() {
        node.killAgent();
        Path other = node.runDirectory().resolveSibling("run2");

        ProcessResult refusal = node.namespace()
                .runner(
                        Distribution.configured().agent().toString(),
                        "--node-name=" + node.name(),
                        "--run-dir=" + other,
                        "--state-dir=" + node.stateDirectory(),
                        "--cni-conf-dir=" + node.confDirectory(),
                        "--manifests=" + node.confDirectory())
                .withLimit(Cluster.READY_LIMIT)
                .run();

        assertThat(refusal.exitCode()).isNotZero();
        assertThat(refusal.stdout() + refusal.stderr())
                .contains(node.runDirectory().resolve("leases").toString())
                .contains(other.resolve("leases").toString());
        node.startAgent();
        node.awaitReady(Cluster.READY_LIMIT);
        assertNothingIsLost();
    }

    @Test
    void pluginWithAnotherRunDirectoryRefusesAndNamesBoth() {
        Path other = node.runDirectory().resolveSibling("run2");
        CniNetwork elsewhere = new CniNetwork(
                Json.parse("""
                        {"cniVersion": "1.1.0", "name": "ikat", "plugins": [{"type": "ikat", "standalone": true,
                         "ipam": {"ranges": [[{"subnet": "10.244.1.0/24"}]]}}]}"""),
                List.of(Distribution.configured().cni()),
                node.entering(List.of()),
                Map.of("IKAT_RUN_DIR", other.toString()));
        try (TestNamespace pod = TestNamespace.create()) {
            for (Runnable request : List.<Runnable>of(
                    () -> elsewhere.add(ClusterNode.sandbox("stranger", pod.path())),
                    () -> elsewhere.collectGarbage(List.of()))) {
                assertThatThrownBy(request::run)
                        .hasMessageContaining(
                                node.runDirectory().resolve("leases").toString())
                        .hasMessageContaining(other.resolve("leases").toString());
            }
        }
        assertNothingIsLost();
    }

    @Test
    void logOfALaterVersionIsKeptAndNamed() throws IOException {
        List<Lease> before = NodeWitness.leases(node);
        node.killAgent();
        byte[] whole = Files.readAllBytes(log());
        // The record "V 2" with its checksum.
        Files.writeString(log(), "%08x V 2\n".formatted(checksum("V 2")));

        node.startAgent();
        Await.until(Cluster.READY_LIMIT, node::logTail, () -> !node.agentRuns());

        assertThat(node.logTail()).contains("has format 2").contains("run the version that wrote it");
        assertThat(Files.readString(log())).contains("V 2");
        Files.write(log(), whole);
        node.startAgent();
        node.awaitReady(Cluster.READY_LIMIT);
        assertThat(NodeWitness.leases(node)).isEqualTo(before);
        assertNothingIsLost();
    }

    private static int checksum(String text) {
        CRC32C checksum = new CRC32C();
        checksum.update(text.getBytes(StandardCharsets.US_ASCII));
        return (int) checksum.getValue();
    }
}
