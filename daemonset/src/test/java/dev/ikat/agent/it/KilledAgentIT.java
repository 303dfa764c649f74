package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SIGKILL before each step of ADD and DEL: after a restart the node holds exactly what its living pods need. */
@RequiresRoot
final class KilledAgentIT {
    private static Cluster cluster;
    private static ClusterNode node;

    @BeforeAll
    static void makeTwoPodsThatMustLiveOn() {
        cluster = Cluster.start(Cluster.Options.nodes(1));
        node = cluster.node(0);
        node.addPod("survivor-1");
        node.addPod("survivor-2");
    }

    @AfterAll
    static void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static void restartAgent(String... arguments) {
        node.killAgent();
        node.startAgent(arguments);
        node.awaitReady(Cluster.READY_LIMIT);
    }

    private static void assertAgentHasDied() {
        Await.until(Duration.ofSeconds(10), () -> "the agent lives on: " + node.logTail(), () -> !node.agentRuns());
        assertThat(node.agent().exitValue()).isEqualTo(137);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lease", "link", "pod", "policy", "host", "commit"})
    void anAddThatDidNotGetToItsEndIsUndone(String step) {
        restartAgent("--kill-at=ADD:" + step);
        try (TestNamespace victim = TestNamespace.create()) {
            try {
                node.network().add(ClusterNode.sandbox("victim", victim.path()));
                org.junit.jupiter.api.Assertions.fail("ADD has an answer although the agent was killed");
            } catch (CniFailedException e) {
                assertThat(e.code()).as(e.getMessage()).isEqualTo(11);
            }
            assertAgentHasDied();

            restartAgent();

            NodeWitness.awaitExactly(node);
            assertThat(victim.linkNames()).containsExactly("lo");
            NodeWitness.assertAllPairsConnect(cluster);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lease", "link", "pod", "policy", "host", "commit", "answer"})
    void anAddThatFailedIsDeletedAndAddedAgainAsRuntimesDo(String step) {
        restartAgent("--kill-at=ADD:" + step);
        try (TestNamespace victim = TestNamespace.create()) {
            var sandbox = ClusterNode.sandbox("victim", victim.path());
            try {
                node.network().add(sandbox);
                org.junit.jupiter.api.Assertions.fail("ADD has an answer although the agent was killed");
            } catch (CniFailedException e) {
                assertThat(e.code()).as(e.getMessage()).isEqualTo(11);
            }
            assertAgentHasDied();

            // No agent: the cold plugin does it.
            node.network().delete(sandbox);
            NodeWitness.awaitExactly(node);
            restartAgent();
            ClusterPod pod = node.addPod("second-try");

            NodeWitness.awaitExactly(node);
            NodeWitness.assertAllPairsConnect(cluster);
            pod.delete();
            NodeWitness.awaitExactly(node);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"release", "unroute", "reap", "answer", "delete", "free"})
    void aDelIsFinishedWhateverTheAgentGotTo(String step) {
        restartAgent();
        ClusterPod victim = node.addPod("victim");
        restartAgent("--kill-at=DEL:" + step);

        victim.delete();
        assertAgentHasDied();
        restartAgent();

        NodeWitness.awaitExactly(node);
        NodeWitness.assertAllPairsConnect(cluster);
    }
}
