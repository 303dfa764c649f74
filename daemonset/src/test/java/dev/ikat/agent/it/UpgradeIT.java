package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.Await;
import dev.ikat.testbed.Cluster;
import dev.ikat.testbed.ClusterNode;
import dev.ikat.testbed.ClusterPod;
import dev.ikat.testbed.CniFailedException;
import dev.ikat.testbed.Iperf;
import dev.ikat.testbed.RequiresProgram;
import dev.ikat.testbed.RequiresRoot;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One agent ends and its successor starts, as in an upgrade, while packets flow across nodes and pods come. */
@RequiresRoot
@RequiresProgram({"ipset", "iperf3"})
final class UpgradeIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final int SECONDS = 10;

    private Cluster cluster;

    @AfterEach
    void remove() {
        cluster.close();
    }

    private ClusterPod pod(ClusterNode node, String name) {
        cluster.apply(
                name + ".yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n".formatted(name));
        return node.addPod(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables"})
    void agentIsReplacedWithoutAPacketsNotice(String backend) throws Exception {
        cluster = Cluster.create(Cluster.Options.nodes(2).withAgentArguments("--policy-backend=" + backend));
        cluster.apply("deny.yaml", """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: only-iperf, namespace: default}
                spec:
                  podSelector: {}
                  ingress:
                    - ports: [{protocol: TCP, port: %d}]
                """.formatted(Iperf.PORT));
        // The agents know the policy before there is a pod.
        cluster.startAgents();
        ClusterNode replaced = cluster.node(0);
        ClusterPod server = pod(replaced, "server");
        ClusterPod client = pod(cluster.node(1), "client");
        IpAddress address = server.address(IpFamily.IPV4).orElseThrow();
        CompletableFuture<Double> stream = CompletableFuture.supplyAsync(
                () -> Iperf.gigabitsPerSecond(client.namespace(), server.namespace(), address, SECONDS));
        try (Flood flood = Flood.start(client.namespace(), server.namespace(), address)) {
            Thread.sleep(500);
            replaced.stopAgent();
            CniFailedException refused =
                    catchThrowableOfType(CniFailedException.class, () -> pod(replaced, "meanwhile"));
            assertThat(refused.code()).isEqualTo(11);
            replaced.startAgent();
            replaced.awaitReady(Cluster.READY_LIMIT);
            pod(replaced, "meanwhile");
            assertThat(stream).as("still running").isNotDone();
            assertThat(stream.get(30, TimeUnit.SECONDS)).isPositive();
            assertThat(flood.arrived()).isZero();
            // The probe can tell: without the policy it arrives.
            cluster.delete("deny.yaml");
            Await.until(LIMIT, replaced::logTail, () -> flood.arrived() > 100);
        }
    }
}
