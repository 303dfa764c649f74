package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Iperf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Another backend takes over while packets flow, and none of them can tell when. */
@RequiresRoot
@RequiresProgram({"ipset", "iperf3"})
final class BackendSwapIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private Cluster cluster;
    private ClusterNode node;
    private TestDirectory directory;
    private Path options;

    @BeforeEach
    void make() throws IOException {
        directory = TestDirectory.create();
        options = directory.path().resolve("options");
        cluster = Cluster.create(Cluster.Options.nodes(1));
        node = cluster.node(0);
        cluster.apply("deny.yaml", """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: only-iperf, namespace: default}
                spec:
                  podSelector: {}
                  ingress:
                    - ports: [{protocol: TCP, port: %d}]
                """.formatted(Iperf.PORT));
    }

    @AfterEach
    void remove() {
        cluster.close();
        directory.close();
    }

    private void choose(String... lines) throws IOException {
        Files.writeString(options, String.join("\n", lines) + "\n");
    }

    private void swapTo(String backend) throws IOException {
        choose("policy-backend: " + backend);
        node.namespace().exec("kill", "-HUP", Long.toString(node.agent().pid()));
        String event = "to=" + backend.toUpperCase(java.util.Locale.ROOT);
        Await.until(
                LIMIT,
                () -> String.join("\n", events()),
                () -> events().stream()
                        .filter(line -> line.contains("event=policy-backend-changed"))
                        .reduce((_, last) -> last)
                        .filter(last -> last.contains(event))
                        .isPresent());
    }

    /** Of the whole log, because drops push the rest out of its end within a second. */
    private List<String> events() {
        return node.logLines().stream()
                .filter(line -> !line.contains("event=policy-drop"))
                .toList();
    }

    private String iptables() {
        StringBuilder saved = new StringBuilder();
        for (String program : List.of("iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save")) {
            saved.append(node.namespace().exec(program));
        }
        return saved.append(node.namespace().exec("ipset", "save")).toString();
    }

    private String nftables() {
        return node.namespace().exec("nft", "list", "ruleset");
    }

    @Test
    void backendsSwapWithoutAPacketsNotice() throws IOException {
        choose("policy-backend: nftables");
        node.startAgent("--config=" + options);
        node.awaitReady(Cluster.READY_LIMIT);
        ClusterPod client = node.addPod("client");
        ClusterPod server = node.addPod("server");
        for (ClusterPod pod : List.of(client, server)) {
            cluster.apply(
                    pod.name() + ".yaml",
                    "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n".formatted(pod.name()));
        }
        IpAddress address = server.address(IpFamily.IPV4).orElseThrow();
        // One stream from before the first change until after the last.
        try (Iperf.Stream stream = Iperf.Stream.start(client.namespace(), server.namespace(), address);
                Flood flood = Flood.start(client.namespace(), server.namespace(), address)) {
            stream.awaitProgress();
            swapTo("iptables");
            Await.until(LIMIT, this::iptables, () -> iptables().contains("IKAT-MASQUERADE"));
            Await.until(LIMIT, this::nftables, () -> !nftables().contains("table inet ikat"));
            assertThat(iptables()).contains("-A FORWARD -j IKAT-FORWARD", "ikatm4-pods", "MASQUERADE");

            swapTo("nftables");
            Await.until(
                    LIMIT,
                    this::iptables,
                    () -> !iptables().contains("IKAT") && !iptables().contains("ikat"));
            assertThat(node.namespace().exec("nft", "list", "table", "inet", "ikat"))
                    .contains("chain policy-forward", "masquerade");

            swapTo("ebpf");
            Await.until(LIMIT, this::nftables, () -> !nftables().contains("chain policy-forward"));
            assertThat(nftables()).contains("masquerade");

            swapTo("iptables");
            Await.until(LIMIT, this::iptables, () -> iptables().contains("IKAT-MASQUERADE"));
            Await.until(LIMIT, this::nftables, () -> !nftables().contains("table inet ikat"));

            swapTo("ebpf");
            Await.until(LIMIT, this::iptables, () -> !iptables().contains("IKAT"));

            swapTo("nftables");
            Await.until(LIMIT, this::nftables, () -> nftables().contains("chain policy-forward"));

            stream.awaitProgress();
            assertThat(flood.arrived()).isZero();
            cluster.delete("deny.yaml");
            Await.until(LIMIT, node::logTail, () -> flood.arrived() > 100);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"legacy", "nft"})
    void whatOthersChangeOfIptablesIsRepaired(String variant) {
        node.startAgent("--policy-backend=iptables", "--iptables-variant=" + variant);
        node.awaitReady(Cluster.READY_LIMIT);
        node.addPod("server");
        List<String> before = rules(variant);
        assertThat(before).contains("-A FORWARD -j IKAT-FORWARD", "-A POSTROUTING -j IKAT-MASQUERADE");
        for (String damage : List.of(
                "iptables-" + variant + " -F FORWARD",
                "iptables-" + variant + " -I IKAT-FORWARD -j ACCEPT",
                "ip6tables-" + variant + " -t nat -F",
                "ipset flush ikatm4-cluster")) {
            node.namespace().exec(damage.split(" ", -1));
            Await.until(
                    LIMIT,
                    () -> "after " + damage + ": " + rules(variant) + node.logTail(),
                    () -> rules(variant).equals(before));
        }
    }

    private List<String> rules(String variant) {
        List<String> rules = new ArrayList<>();
        for (String program :
                List.of("iptables-" + variant + "-save", "ip6tables-" + variant + "-save", "ipset save")) {
            node.namespace()
                    .exec(program.split(" ", -1))
                    .lines()
                    .filter(line -> line.startsWith("-A ") || line.startsWith("add "))
                    // Which of Ikat's jumps of a chain comes first makes no difference.
                    .sorted()
                    .forEach(rules::add);
        }
        return rules;
    }

    @Test
    void agentWithAnotherBackendRemovesWhatTheOneBeforeItLeft() {
        node.startAgent("--policy-backend=iptables", "--iptables-variant=legacy");
        node.awaitReady(Cluster.READY_LIMIT);
        node.addPod("server");
        assertThat(node.namespace().exec("iptables-legacy-save")).contains("IKAT-FORWARD", "IKAT-MASQUERADE");
        node.killAgent();
        node.startAgent("--policy-backend=nftables");
        node.awaitReady(Cluster.READY_LIMIT);
        assertThat(iptables()).doesNotContain("IKAT").doesNotContain("ikat");
        node.stopAgent();
        node.startAgent("--policy-backend=iptables", "--iptables-variant=nft");
        node.awaitReady(Cluster.READY_LIMIT);
        assertThat(node.namespace().exec("nft", "list", "tables")).doesNotContain("inet ikat");
        assertThat(node.namespace().exec("iptables-nft-save")).contains("IKAT-FORWARD", "IKAT-MASQUERADE");
    }
}
