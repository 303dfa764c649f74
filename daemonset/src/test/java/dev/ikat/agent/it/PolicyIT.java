package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.Await;
import dev.ikat.testbed.Cluster;
import dev.ikat.testbed.ClusterNode;
import dev.ikat.testbed.ClusterPod;
import dev.ikat.testbed.CniFailedException;
import dev.ikat.testbed.Json;
import dev.ikat.testbed.Probe;
import dev.ikat.testbed.RequiresProgram;
import dev.ikat.testbed.RequiresRoot;
import dev.ikat.testbed.TestNamespace;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Policy from the moment at which a pod is there, through everything that happens to the agent. */
@RequiresRoot
@RequiresProgram("nft")
final class PolicyIT {
    private static final Duration EFFECT = Duration.ofSeconds(3);
    private static final Duration REPAIR_LIMIT = Duration.ofSeconds(2);
    private static final Duration QUICK = Duration.ofMillis(400);
    private static final Json ANY = new Json.Obj(Map.of());

    private static final String DENY_ALL = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: default-deny, namespace: shop}
            spec:
              podSelector: {}
              policyTypes: [Ingress]
            """;
    private static final String ALLOW_CLIENTS = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: allow-clients, namespace: shop}
            spec:
              podSelector: {matchLabels: {app: server}}
              ingress:
                - from: [{podSelector: {matchLabels: {app: client}}}]
            """;

    private Cluster cluster;
    private ClusterNode node;

    @BeforeEach
    void make() {
        cluster = Cluster.create(Cluster.Options.nodes(1));
        node = cluster.node(0);
        cluster.apply("shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    }

    private void start(String... arguments) {
        node.startAgent(arguments);
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

    private ClusterPod add(String name, String app) {
        publish(name, app, List.of());
        ClusterPod pod = node.addPod("shop", name, ANY, TestNamespace.create());
        publish(name, app, pod.addresses());
        return pod;
    }

    private static boolean reaches(ClusterPod from, ClusterPod to) {
        List<Probe.Target> targets = to.addresses().stream()
                .map(address -> Probe.Target.tcp(from.namespace(), address, ClusterPod.PORT))
                .toList();
        long reached = Probe.check(targets, QUICK).stream()
                .filter(Probe.Outcome::reached)
                .count();
        assertThat(reached).as("the families agree").isIn(0L, (long) targets.size());
        return reached > 0;
    }

    private void awaitReach(ClusterPod from, ClusterPod to, boolean expected) {
        Await.until(
                EFFECT,
                () -> from + (expected ? " does not reach " : " reaches ") + to + ": " + node.logTail(),
                () -> reaches(from, to) == expected);
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
        assertThat(reaches(stranger, server)).isTrue();

        cluster.apply("deny.yaml", DENY_ALL);
        awaitReach(stranger, server, false);
        assertThat(reaches(client, server)).isFalse();
        Await.until(EFFECT, this::policyDrops, () -> policyDrops().contains("policy=\"shop/default-deny\""));
        assertThat(node.logTail())
                .contains("event=policy-drop drop=ingress pod=shop/server")
                .contains("(shop/stranger) protocol=TCP/" + ClusterPod.PORT + " policies=shop/default-deny");

        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        awaitReach(client, server, true);
        assertThat(reaches(stranger, server)).isFalse();

        publish("stranger", "client", stranger.addresses());
        awaitReach(stranger, server, true);
        publish("client", "other", client.addresses());
        awaitReach(client, server, false);

        cluster.delete("deny.yaml");
        cluster.delete("allow.yaml");
        awaitReach(client, server, true);
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
        start("--policy-backend=none");
        assertThat(node.namespace().exec("nft", "list", "ruleset"))
                .contains("chain masquerading")
                .doesNotContain("chain forward");
    }

    private static IpAddress address(ClusterPod pod) {
        return pod.address(IpFamily.IPV4).orElseThrow();
    }

    @Test
    void nobodyElseCanOpenWhatIsClosed() throws Exception {
        cluster.apply("deny.yaml", DENY_ALL);
        start();
        ClusterPod stranger = add("stranger", "other");
        ClusterPod server = add("server", "server");
        List<String> state = node.state();
        try (Flood flood = Flood.start(stranger.namespace(), server.namespace(), address(server))) {
            node.namespace().exec("nft", "add table inet foreign");
            node.namespace().exec("nft", "flush ruleset");
            assertThatThrownBy(() -> node.namespace().exec("nft", "delete table inet ikat"))
                    .hasMessageContaining("not permitted");
            Thread.sleep(300);
            assertThat(flood.arrived()).isZero();
        }
        assertThat(node.state()).isEqualTo(state);
    }

    @Test
    void whatOthersChangeIsRepairedWhereTheyCan() {
        cluster.apply("deny.yaml", DENY_ALL);
        cluster.apply("allow.yaml", ALLOW_CLIENTS);
        start("--own-table=false");
        ClusterPod stranger = add("stranger", "other");
        ClusterPod client = add("client", "client");
        ClusterPod server = add("server", "server");
        server.serve();
        awaitReach(client, server, true);
        List<String> before = rules();
        node.namespace().exec("nft", "add table inet foreign");

        damage("flush ruleset", before);
        node.namespace().exec("nft", "add table inet foreign");
        String set = name(before, "set (?!pods|cluster)\\w+_4 \\{");
        damage("delete element inet ikat " + set + " { " + address(client) + " }", before);
        String chain = name(before, "chain to-ik\\w+ \\{");
        damage("flush chain inet ikat " + chain, before);
        damage("add rule inet ikat " + chain + " counter return", before);
        assertThat(node.namespace().exec("nft", "list tables")).contains("inet foreign");
        assertThat(reaches(client, server)).isTrue();
        assertThat(reaches(stranger, server)).isFalse();
    }

    private void damage(String command, List<String> before) {
        node.namespace().exec("nft", command);
        Await.until(
                REPAIR_LIMIT, () -> "after " + command + ": " + rules() + node.logTail(), () -> rules().equals(before));
    }

    /** Without what counts by itself, and in an order of its own: hashes have none. */
    private List<String> rules() {
        try {
            return node.namespace()
                    .exec("nft", "--stateless", "list table inet ikat")
                    .lines()
                    .map(line -> line.replaceAll("elements = \\{|[},]", "").strip())
                    .sorted()
                    .toList();
        } catch (RuntimeException e) {
            return List.of();
        }
    }

    /** The second word of the one line that looks like this. */
    private static String name(List<String> rules, String pattern) {
        return rules.stream()
                .filter(line -> line.matches(pattern))
                .findFirst()
                .map(line -> line.split(" ", -1)[1])
                .orElseThrow();
    }
}
