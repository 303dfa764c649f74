package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Policy from the moment at which a pod is there, through everything that happens to the agent, on one backend. */
@RequiresRoot
@RequiresProgram("nft")
abstract class PolicyBehaviour {
    private final List<String> backend;

    static final Duration EFFECT = Duration.ofSeconds(10);
    static final Duration REPAIR_LIMIT = Duration.ofSeconds(10);
    private static final Duration QUICK = Duration.ofMillis(400);
    private static final Json ANY = new Json.Obj(Map.of());

    static final String DENY_ALL = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: default-deny, namespace: shop}
            spec:
              podSelector: {}
              policyTypes: [Ingress]
            """;
    static final String ALLOW_CLIENTS = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: allow-clients, namespace: shop}
            spec:
              podSelector: {matchLabels: {app: server}}
              ingress:
                - from: [{podSelector: {matchLabels: {app: client}}}]
            """;

    Cluster cluster;
    ClusterNode node;

    /** On agents with these options. */
    PolicyBehaviour(String... backend) {
        this.backend = List.of(backend);
    }

    @BeforeEach
    void make() {
        cluster = Cluster.create(Cluster.Options.nodes(1));
        node = cluster.node(0);
        cluster.apply("shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    }

    void start(String... arguments) {
        node.startAgent(Stream.concat(backend.stream(), Stream.of(arguments)).toArray(String[]::new));
        node.awaitReady(Cluster.READY_LIMIT);
    }

    @AfterEach
    void remove() {
        cluster.close();
    }

    /** Its object, as the API server has it before the runtime is asked for anything. */
    private void publish(String name, String app, List<IpAddress> addresses) {
        StringBuilder yaml = new StringBuilder("""
                apiVersion: v1
                kind: Pod
                metadata: {name: %s, namespace: shop, labels: {app: %s}}
                spec: {nodeName: node-1}
                status:
                  podIPs:
                """.formatted(name, app));
        addresses.forEach(address -> yaml.append("    - ip: \"" + address + "\"\n"));
        cluster.apply(
                "pod-" + name + ".yaml",
                addresses.isEmpty() ? yaml.toString().replace("status:\n  podIPs:\n", "") : yaml.toString());
    }

    ClusterPod add(String name, String app) {
        publish(name, app, List.of());
        ClusterPod pod = node.addPod("shop", name, ANY, TestNamespace.create());
        publish(name, app, pod.addresses());
        return pod;
    }

    /** How many of the other's addresses it reaches. */
    private static long reached(ClusterPod from, ClusterPod to, Duration limit) {
        List<Probe.Target> targets = to.addresses().stream()
                .map(address -> Probe.Target.tcp(from.namespace(), address, ClusterPod.PORT))
                .toList();
        return Probe.check(targets, limit).stream()
                .filter(Probe.Outcome::reached)
                .count();
    }

    static boolean reaches(ClusterPod from, ClusterPod to) {
        if (reached(from, to, QUICK) == 0) {
            return false;
        }
        assertThat(reached(from, to, EFFECT))
                .as("the families agree")
                .isEqualTo(to.addresses().size());
        return true;
    }

    /** In the meantime families may differ: not every backend changes both in one step. */
    void awaitReach(ClusterPod from, ClusterPod to, boolean expected) {
        Await.until(
                EFFECT,
                () -> from + (expected ? " does not reach " : " reaches ") + to + ": " + node.logTail(),
                () -> expected ? reached(from, to, EFFECT) == to.addresses().size() : isCutOff(from, to));
    }

    /** Asked twice, as an answer may be late once. */
    private static boolean isCutOff(ClusterPod from, ClusterPod to) {
        return IntStream.range(0, 2).allMatch(_ -> reached(from, to, QUICK) == 0);
    }

    /** Waits until a packet to a pod that these policies isolate has been counted. */
    private void awaitDropsOf(String policies) {
        String series =
                "ikat_policy_drops_total{cause=\"ingress\",direction=\"ingress\",namespace=\"shop\",policies=\"%s\"}"
                        .formatted(policies);
        Await.until(EFFECT, this::policyDrops, () -> policyDrops().contains(series));
    }

    private String policyDrops() {
        return String.join(
                "\n",
                node.metrics()
                        .lines()
                        .filter(line -> line.startsWith("ikat_policy_drops_total"))
                        .toList());
    }

    @Test
    void policiesTakeEffectChangeAndEnd() {
        start();
        ClusterPod server = add("server", "server");
        ClusterPod client = add("client", "client");
        ClusterPod stranger = add("stranger", "other");
        server.serve();
        awaitReach(stranger, server, true);

        cluster.apply("deny.yaml", DENY_ALL);
        awaitReach(stranger, server, false);
        assertThat(reaches(client, server)).isFalse();
        awaitDropsOf("shop/default-deny");
        assertThat(String.join("\n", node.logLines()))
                .contains("event=policy-drop drop=ingress pod=shop/server")
                .contains("(shop/stranger)\" protocol=TCP/" + ClusterPod.PORT + " policies=shop/default-deny");

        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        awaitReach(client, server, true);
        assertThat(reaches(stranger, server)).isFalse();
        awaitDropsOf("shop/allow-clients,shop/default-deny");

        publish("stranger", "client", stranger.addresses());
        awaitReach(stranger, server, true);
        publish("client", "other", client.addresses());
        awaitReach(client, server, false);

        cluster.delete("deny.yaml");
        cluster.delete("allow.yaml");
        awaitReach(client, server, true);
    }

    @Test
    void unreadablePolicyFailsClosedAtTheStartAndAGhostOpensNothing() {
        cluster.apply("allow.yaml", ALLOW_CLIENTS + "    - ports: [{port: 70000}]\n");
        start();
        ClusterPod server = add("server", "server");
        ClusterPod client = add("client", "client");
        ClusterPod stranger = add("stranger", "other");
        server.serve();
        awaitReach(client, server, true);
        assertThat(reaches(stranger, server)).isFalse();
        String faults = "ikat_cluster_faults{kind=\"NetworkPolicy\",name=\"allow-clients\",namespace=\"shop\"} 1";
        assertThat(node.metrics()).contains(faults);
        assertThat(String.join("\n", node.logLines()))
                .contains("NetworkPolicy shop/allow-clients: spec.ingress[1].ports[0].port: ");

        // The object of a pod that is gone, whose addresses another one has now.
        publish("ghost", "client", stranger.addresses());
        String contested =
                "ikat_policy_contested_addresses " + stranger.addresses().size();
        Await.until(EFFECT, node::metrics, () -> node.metrics().contains(contested));
        assertThat(reaches(stranger, server)).isFalse();
        assertThat(String.join("\n", node.logLines()))
                .contains("event=address-contested address=" + address(stranger))
                .contains("claimed by Pod shop/ghost and Pod shop/stranger; policies believe Pod shop/stranger");
        cluster.delete("pod-ghost.yaml");
        Await.until(EFFECT, node::metrics, () -> node.metrics().contains("ikat_policy_contested_addresses 0"));
        assertThat(reaches(client, server)).isTrue();
    }

    @Test
    void deniedPacketsNeverPassWhileAPodIsAdded() throws Exception {
        cluster.apply("deny.yaml", DENY_ALL);
        start();
        ClusterPod stranger = add("stranger", "other");
        publish("server", "server", List.of());
        IpAddress address = IpAddress.parse("10.244.1.77");
        Json wanted = Json.parse("{\"ips\": [\"10.244.1.77/32\"]}");
        TestNamespace namespace = TestNamespace.create();
        try (Flood flood = Flood.start(stranger.namespace(), namespace, address)) {
            ClusterPod server = node.addPod("shop", "server", wanted, namespace);
            assertThat(server.addresses()).contains(address);
            Thread.sleep(300);
            assertThat(flood.arrived()).isZero();

            // And it does flood.
            cluster.delete("deny.yaml");
            Await.until(EFFECT, () -> "nothing arrives: " + node.logTail(), () -> flood.arrived() > 100);
        }
    }

    @Test
    void answerToAFormerPodDoesNotReachWhoHasItsAddressNow() throws IOException {
        // Servers may ask, and get answers, but not be asked.
        cluster.apply("deny.yaml", DENY_ALL.replace("podSelector: {}", "podSelector: {matchLabels: {app: server}}"));
        start();
        ClusterPod peer = add("peer", "other");
        Json wanted = Json.parse("{\"ips\": [\"10.244.1.77/32\"]}");
        TestNamespace formers = TestNamespace.create();
        publish("former", "server", List.of());
        ClusterPod former = node.addPod("shop", "former", wanted, formers);
        InetSocketAddress place = new InetSocketAddress("10.244.1.77", 4000);
        try (DatagramSocket answering = socket(peer.namespace(), 5000);
                DatagramSocket asking = socket(formers, 4000)) {
            asking.send(new DatagramPacket(new byte[] {1}, 1, address(peer).toInetAddress(), 5000));
            answering.receive(new DatagramPacket(new byte[1], 1));
            answering.send(new DatagramPacket(new byte[] {2}, 1, place));
            asking.receive(new DatagramPacket(new byte[1], 1));

            former.delete();
            publish("next", "server", List.of());
            TestNamespace nexts = TestNamespace.create();
            node.addPod("shop", "next", wanted, nexts);
            try (DatagramSocket next = socket(nexts, 4000)) {
                answering.send(new DatagramPacket(new byte[] {3}, 1, place));
                next.setSoTimeout(500);
                assertThatThrownBy(() -> next.receive(new DatagramPacket(new byte[1], 1)))
                        .isInstanceOf(SocketTimeoutException.class);
            }
        }
    }

    private static DatagramSocket socket(TestNamespace namespace, int port) throws IOException {
        try (NetworkNamespace inside = NetworkNamespace.open(namespace.path())) {
            DatagramSocket socket = inside.call(() -> {
                try {
                    return new DatagramSocket(port);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            socket.setSoTimeout((int) EFFECT.toMillis());
            return socket;
        }
    }

    @Test
    void podOfUnknownLabelsWaitsForThem() throws Exception {
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start();
        ClusterPod stranger = add("stranger", "other");
        CompletableFuture<ClusterPod> adding =
                CompletableFuture.supplyAsync(() -> node.addPod("shop", "server", ANY, TestNamespace.create()));
        Thread.sleep(500);
        assertThat(adding).isNotDone();

        publish("server", "server", List.of());
        ClusterPod server = adding.get(EFFECT.toMillis(), TimeUnit.MILLISECONDS);
        server.serve();
        assertThat(reaches(stranger, server)).isFalse();
    }

    @Test
    void podWhoseLabelsNeverComeIsRefusedAndLeavesNothing() {
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start("--policy-wait=300ms");
        List<String> before = node.state();

        assertThatThrownBy(() -> node.addPod("shop", "server", ANY, TestNamespace.create()))
                .isInstanceOfSatisfying(
                        CniFailedException.class,
                        e -> assertThat(e.getMessage())
                                .contains("\"code\":11")
                                .contains("the pod's labels are not known")
                                .contains("shop/server"));
        assertThat(node.state()).isEqualTo(before);
        // In a namespace without policies labels don't matter.
        node.addPod("default", "server", ANY, TestNamespace.create());
    }

    @Test
    void deniedPacketsNeverPassWhileTheAgentIsKilledAndComesBack() throws Exception {
        cluster.apply("deny.yaml", DENY_ALL);
        start();
        ClusterPod stranger = add("stranger", "other");
        ClusterPod server = add("server", "server");
        try (Flood flood = Flood.start(stranger.namespace(), server.namespace(), address(server))) {
            Thread.sleep(200);
            node.killAgent();
            Thread.sleep(200);
            start();
            Thread.sleep(200);
            assertThat(flood.arrived()).isZero();
            cluster.delete("deny.yaml");
            Await.until(EFFECT, () -> "nothing arrives: " + node.logTail(), () -> flood.arrived() > 100);
        }
        node.stopAgent();
        node.startAgent("--policy-backend=none");
        node.awaitReady(Cluster.READY_LIMIT);
        assertThat(node.namespace().exec("nft", "list", "ruleset"))
                .contains("chain masquerade-postrouting")
                .doesNotContain("chain policy-forward");
    }

    static IpAddress address(ClusterPod pod) {
        return pod.address(IpFamily.IPV4).orElseThrow();
    }
}
