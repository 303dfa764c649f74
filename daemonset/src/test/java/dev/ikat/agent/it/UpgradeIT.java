package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Iperf;
import dev.ikat.testbed.traffic.NumberedStream;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One agent ends and its successor starts, as in an upgrade, while packets flow across nodes and pods come and go. */
@RequiresRoot
@RequiresProgram({"ipset", "iperf3", "ss"})
final class UpgradeIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int NUMBERED_PORT = 9000;
    private static final int NUMBERED_PER_SECOND = 2000;
    private static final int PODS_BEFORE_AND_AFTER = 5;

    private Cluster cluster;

    @AfterEach
    void remove() {
        cluster.close();
    }

    private void publish(String name) {
        cluster.apply(
                name + ".yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n".formatted(name));
    }

    private ClusterPod pod(ClusterNode node, String name) {
        publish(name);
        return node.addPod(name);
    }

    /** A container runtime: pods come and go, one after the other; code 11, and nothing else, means to try again. */
    private final class PodsThatComeAndGo implements AutoCloseable {
        private final ClusterNode node;
        private final AtomicInteger added = new AtomicInteger();
        private final AtomicInteger refused = new AtomicInteger();
        private final CompletableFuture<Void> work;
        private volatile boolean ending;

        PodsThatComeAndGo(ClusterNode node) {
            this.node = node;
            work = CompletableFuture.runAsync(
                    this::run, task -> Thread.ofPlatform().start(task));
        }

        private void run() {
            for (int i = 0; !ending; i++) {
                String name = "more-" + i;
                publish(name);
                try (TestNamespace namespace = TestNamespace.create()) {
                    addAndDelete(name, namespace);
                }
                cluster.delete(name + ".yaml");
            }
        }

        private void addAndDelete(String name, TestNamespace namespace) {
            while (!ending) {
                CniNetwork.Sandbox sandbox = ClusterNode.sandbox(name, namespace.path());
                try {
                    node.network().add(sandbox);
                    added.incrementAndGet();
                    return;
                } catch (CniFailedException e) {
                    if (e.code() != 11) {
                        throw e;
                    }
                    refused.incrementAndGet();
                } finally {
                    // What failed is deleted, too.
                    node.network().delete(sandbox);
                }
            }
        }

        /** Waits for so many more, or for what went wrong. */
        void awaitAdded(int more) {
            int then = added.get();
            await("pods are added", () -> added.get() >= then + more);
        }

        void awaitRefused() {
            await("ADD is refused", () -> refused.get() > 0);
        }

        private void await(String what, java.util.function.BooleanSupplier condition) {
            Await.until(LIMIT, () -> "not seen: " + what + ": " + node.logTail(), () -> {
                if (work.isCompletedExceptionally()) {
                    work.join();
                }
                return condition.getAsBoolean();
            });
        }

        /** Throws what went wrong. */
        void end() throws Exception {
            ending = true;
            work.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            ending = true;
            work.exceptionally(_ -> null).join();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void agentIsReplacedWithoutAPacketsNotice(String backend) throws Exception {
        cluster = Cluster.create(Cluster.Options.nodes(2).withAgentArguments("--policy-backend=" + backend));
        cluster.apply("deny.yaml", """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: only-load, namespace: default}
                spec:
                  podSelector: {}
                  ingress:
                    - ports: [{protocol: TCP, port: %d}, {protocol: UDP, port: %d}]
                """.formatted(Iperf.PORT, NUMBERED_PORT));
        // The agents know the policy before there is a pod.
        cluster.startAgents();
        ClusterNode replaced = cluster.node(0);
        ClusterPod server = pod(replaced, "server");
        ClusterPod client = pod(cluster.node(1), "client");
        IpAddress v4 = server.address(IpFamily.IPV4).orElseThrow();
        IpAddress v6 = server.address(IpFamily.IPV6).orElseThrow();
        try (NumberedStream fourth = numbered(client, server, v4);
                NumberedStream sixth = numbered(client, server, v6);
                Iperf.Stream load = Iperf.Stream.start(client.namespace(), server.namespace(), v4);
                Flood flood = Flood.start(client.namespace(), server.namespace(), v4);
                PodsThatComeAndGo pods = new PodsThatComeAndGo(replaced)) {
            pods.awaitAdded(PODS_BEFORE_AND_AFTER);
            assertThat(pods.refused).hasValue(0);
            load.awaitProgress();

            replaced.stopAgent();
            pods.awaitRefused();
            replaced.startAgent();
            replaced.awaitReady(Cluster.READY_LIMIT);
            pods.awaitAdded(PODS_BEFORE_AND_AFTER);
            pods.end();

            load.awaitProgress();
            assertThat(flood.arrived()).isZero();
            assertNoneIsMissing(fourth.end());
            assertNoneIsMissing(sixth.end());
            // The probe can tell: without the policy it arrives.
            cluster.delete("deny.yaml");
            Await.until(LIMIT, replaced::logTail, () -> flood.arrived() > 100);
        }
    }

    private static NumberedStream numbered(ClusterPod from, ClusterPod to, IpAddress address) {
        return NumberedStream.start(from.namespace(), to.namespace(), address, NUMBERED_PORT, NUMBERED_PER_SECOND);
    }

    /** What an agent has logged, but for what the flood makes it say. */
    private static String withoutFlood(ClusterNode node) {
        return node.logLines().stream()
                .filter(line -> !line.contains("protocol=UDP/" + Flood.PORT))
                .collect(Collectors.joining("\n"));
    }

    private void assertNoneIsMissing(NumberedStream.Count count) {
        assertThat(count.missing())
                .as(() -> count + "\n" + withoutFlood(cluster.node(0)) + "\n" + withoutFlood(cluster.node(1)))
                .isZero();
        assertThat(count.sent()).isGreaterThan(NUMBERED_PER_SECOND);
    }
}
