package dev.ikat.agent.nodes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.cluster.DockerEngine;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Three nodes that are containers of the image: what a cluster of them does, and does while something fails. */
@RequiresRoot
@RequiresProgram({"dockerd", "docker", "containerd", "runc", "debootstrap"})
@RequiresKernel({
    KernelFeature.VETH,
    KernelFeature.BRIDGE,
    KernelFeature.VXLAN,
    KernelFeature.IPV6,
    KernelFeature.NFTABLES_NAT
})
final class ContainerNodesIT {
    /**
     * With 4 MiB of classes in the AOT cache that each start would otherwise read and check one by one, and 5 MiB of
     * BIRD, most of it libraries for Kerberos and SSH that Debian's is linked with.
     */
    private static final long SIZE_LIMIT = 195L * 1024 * 1024;

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration GLANCE = Duration.ofMillis(500);
    private static final int STREAM_PORT = 9001;
    private static final int DENIED_PORT = 9002;

    /** How long the API is gone, in seconds: {@code -Dikat.it.api-outage=10}. */
    private static final Duration OUTAGE = Duration.ofSeconds(Integer.getInteger("ikat.it.api-outage", 60));

    /** For the pods of server: TCP and a stream of packets, from client only. */
    private static final String ONLY_CLIENT = """
            {"podSelector":{"matchLabels":{"app":"server"}},"policyTypes":["Ingress"],
             "ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],
                         "ports":[{"protocol":"TCP","port":%d},{"protocol":"UDP","port":%d}]}]}
            """.formatted(NodePod.PORT, STREAM_PORT);

    private static DockerEngine engine;
    private static NodeCluster cluster;
    private static NodePod server;
    private static NodePod client;
    private static NodePod stranger;
    private static NodePod neighbour;

    @BeforeAll
    static void makeThreeNodes() {
        try {
            engine = DockerEngine.start();
        } catch (CommandFailedException e) {
            Assumptions.abort("needs a dockerd, which this machine refuses: " + e.getMessage());
        }
        NodeImage.build(engine);
        cluster = new NodeCluster(engine);
        List<NodeContainer> nodes = cluster.addNodes(1, 3);
        server = cluster.addPod(nodes.get(0), "server");
        neighbour = cluster.addPod(nodes.get(0), "neighbour");
        client = cluster.addPod(nodes.get(1), "client");
        stranger = cluster.addPod(nodes.get(2), "stranger");
        putThePolicy();
    }

    @AfterAll
    static void removeEverything() {
        if (cluster != null) {
            cluster.close();
        }
        if (engine != null) {
            engine.close();
        }
    }

    @AfterEach
    void resumeTheApi() {
        cluster.relay().resume();
    }

    private static void putThePolicy() {
        cluster.putPolicy("only-client", ONLY_CLIENT);
        awaitDenied(stranger, server);
    }

    private static void withoutThePolicy(Runnable body) {
        cluster.removePolicy("only-client");
        body.run();
        putThePolicy();
    }

    private static void until(String what, BooleanSupplier condition) {
        Await.until(LIMIT, () -> what + ": " + cluster.state(), condition);
    }

    private static void awaitDenied(NodePod from, NodePod to) {
        until(from + " still reaches " + to, () -> noneReached(from.connectionsTo(to, NodePod.PORT)));
    }

    private static boolean noneReached(List<Probe.Target> targets) {
        return Probe.check(targets, GLANCE).stream().noneMatch(Probe.Outcome::reached);
    }

    private static void awaitReached(NodePod from, NodePod to) {
        until(
                from + " does not reach " + to,
                () -> Probe.failures(from.everyWayTo(to), GLANCE).isEmpty());
    }

    /** What {@link #ONLY_CLIENT} allows, and nothing else of the server; everything of the others. */
    private static void assertInForce() {
        List<Probe.Target> allowed = new ArrayList<>(client.connectionsTo(server, NodePod.PORT));
        allowed.addAll(server.everyWayTo(stranger));
        allowed.addAll(stranger.everyWayTo(client));
        assertThat(Probe.failures(allowed, LIMIT)).as(cluster::state).isEmpty();
        List<Probe.Target> denied = new ArrayList<>(client.connectionsTo(server, NodePod.OTHER_PORT));
        denied.addAll(stranger.connectionsTo(server, NodePod.PORT));
        denied.addAll(neighbour.connectionsTo(server, NodePod.PORT));
        assertThat(Probe.check(denied, GLANCE)).as(cluster::state).noneMatch(Probe.Outcome::reached);
    }

    @Test
    void everyPodReachesEveryOtherByIpv4AndIpv6() {
        withoutThePolicy(() -> until(
                "pods do not reach each other: " + cluster.pods(),
                () -> cluster.unreached().isEmpty()));
    }

    /** As Docker's nodes name it: by a process that the agent does not see, or whose namespaces it may not open. */
    @Test
    void podWhoseNamespaceOnlyTheRuntimeCanOpenIsWired() throws InterruptedException {
        cluster.announce(client.node(), "unseen", List.of());
        try (TestNamespace namespace = TestNamespace.create()) {
            Process process = namespace.runner("cat").startConversation();
            Path path = Path.of("/proc/" + process.pid() + "/ns/net");
            CniNetwork.Sandbox sandbox = NodePod.sandbox(cluster.namespace(), "unseen", path);
            try {
                until("the process is not where it belongs", () -> isSame(path, namespace.path()));

                Json result = client.node().addFromOutside(sandbox);

                String addresses = namespace.exec("ip", "-brief", "address", "show", "dev", "eth0");
                assertThat(result.get("ips").elements())
                        .hasSize(2)
                        .allSatisfy(ip ->
                                assertThat(addresses).contains(ip.get("address").text()));
                assertThat(result.get("interfaces").elements())
                        .last()
                        .satisfies(pod -> assertThat(pod.get("sandbox").text()).isEqualTo(path.toString()));
            } finally {
                client.node().delete(sandbox);
                process.destroy();
                process.waitFor();
            }
        }
    }

    private static boolean isSame(Path path, Path other) {
        try {
            return Files.isSameFile(path, other);
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void imageIsSmall() {
        assertThat(NodeImage.size(engine)).isLessThanOrEqualTo(SIZE_LIMIT);
    }

    @Test
    void imageSaysWhichPackagesItIsMadeOf() {
        assertThat(NodeImage.lines(engine, "/etc/debian-packages"))
                .map(line -> line.replaceFirst(" .*", ""))
                .contains("nftables", "iptables", "ipset", "conntrack", "libc6", "libnftables1", "libbpf1");
    }

    @Test
    void policyIsInForceBetweenTheNodesAndOnOne() {
        assertInForce();
    }

    @Test
    void aNodeThatComesIsReachedAndOneThatGoesIsForgotten() {
        NodeContainer fourth = cluster.addNodes(4, 4).getFirst();
        NodePod late = cluster.addPod(fourth, "late");

        for (NodePod other : List.of(client, stranger, neighbour)) {
            awaitReached(other, late);
            awaitReached(late, other);
        }
        assertThat(noneReached(late.connectionsTo(server, NodePod.PORT))).isTrue();
        List<NodeContainer> others = cluster.nodes().subList(0, 3);
        assertThat(others).allMatch(node -> knows(node, fourth));

        cluster.removeNode(fourth);

        until("what leads to " + fourth + " is left", () -> others.stream().noneMatch(node -> knows(node, fourth)));
        assertInForce();
    }

    /** Whether anything in a node's kernel is about another: its address or its pods' blocks. */
    private static boolean knows(NodeContainer node, NodeContainer other) {
        String ways = node.ways();
        return List.of(
                        other.addresses().getFirst().toString(),
                        other.podCidrs().getFirst().toString(),
                        other.podCidrs().getLast().toString())
                .stream()
                .anyMatch(ways::contains);
    }

    @Test
    void aKilledAgentIsReplacedWithoutAPacketsLoss() {
        try (PacketStream allowed = PacketStream.start(
                        client.namespace(),
                        server.namespace(),
                        server.addresses().getFirst(),
                        STREAM_PORT);
                PacketStream denied = PacketStream.start(
                        stranger.namespace(),
                        server.namespace(),
                        server.addresses().getFirst(),
                        DENIED_PORT)) {
            until("no packet arrives", () -> allowed.arrived() > 0);

            server.node().killAgent();

            assertInForce();
            server.node().awaitReady();
            assertInForce();
            int sent = allowed.end();
            assertThat(sent).isGreaterThan(100);
            assertThat(allowed.arrived()).isEqualTo(sent);
            assertThat(denied.arrived()).isZero();
            // The probe can tell: without the policy they arrive.
            withoutThePolicy(() -> until("nothing arrives without the policy", () -> denied.arrived() > 0));
        }
    }

    @Test
    void whatTheApiSaidStaysInForceWhileItIsGone() throws InterruptedException {
        cluster.announce(client.node(), "known", List.of());
        // Pods come in the order of their changes: who is wired here tells that the one before is known.
        NodePod later = cluster.addPod(client.node(), "later");
        long start = System.nanoTime();
        cluster.relay().interrupt();

        assertInForce();
        NodePod known = cluster.wire(client.node(), "known");
        assertThat(noneReached(known.connectionsTo(server, NodePod.PORT))).isTrue();
        assertThat(Probe.failures(known.everyWayTo(stranger), LIMIT)).isEmpty();
        cluster.announce(client.node(), "unknown", List.of());
        CniFailedException failure =
                catchThrowableOfType(CniFailedException.class, () -> cluster.wire(client.node(), "unknown"));
        assertThat(failure.code()).isEqualTo(11);
        // The API knows what the agents don't.
        cluster.putPolicy(
                "none-to-stranger",
                "{\"podSelector\":{\"matchLabels\":{\"app\":\"stranger\"}},\"policyTypes\":[\"Ingress\"]}");
        NodePod unknown;
        try {
            while (System.nanoTime() - start < OUTAGE.toNanos()) {
                assertInForce();
                Thread.sleep(GLANCE);
            }

            cluster.relay().resume();

            awaitDenied(client, stranger);
            unknown = wireOnceItIsKnown("unknown");
        } finally {
            // Else all that comes after would fail with this.
            cluster.removePolicy("none-to-stranger");
        }
        awaitReached(unknown, stranger);
        List.of(later, known, unknown).forEach(cluster::deletePod);
    }

    /** As a runtime does: an ADD that is refused with code 11 is tried again. */
    private static NodePod wireOnceItIsKnown(String name) {
        AtomicReference<NodePod> wired = new AtomicReference<>();
        until(name + " is not known to its node", () -> {
            try {
                wired.set(cluster.wire(client.node(), name));
                return true;
            } catch (CniFailedException e) {
                assertThat(e.code()).isEqualTo(11);
                return false;
            }
        });
        return wired.get();
    }
}
