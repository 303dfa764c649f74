package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.ipam.AddressRange;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hosts whose own firewall refuses what nobody has accepted. */
@RequiresRoot
@RequiresProgram({"ipset", "nft", "iptables-nft", "iptables-legacy"})
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class FirewallIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final List<String> SAVES =
            List.of("iptables-nft-save", "ip6tables-nft-save", "iptables-legacy-save", "ip6tables-legacy-save");

    private static void rule(ClusterNode node, String variant, String... words) {
        for (String program : List.of("iptables-" + variant, "ip6tables-" + variant)) {
            node.namespace()
                    .exec(Stream.concat(Stream.of(program), Stream.of(words)).toArray(String[]::new));
        }
    }

    private static String rules(ClusterNode node) {
        return String.join("\n", SAVES.stream().map(node.namespace()::exec).toList());
    }

    private static void awaitAllPairsConnect(Cluster cluster) {
        Await.until(
                LIMIT,
                () -> "not all pods connect: "
                        + cluster.nodes().stream().map(FirewallIT::rules).toList(),
                () -> Probe.failures(cluster.allPairs(), Duration.ofMillis(500)).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void podsConnectWhereIptablesDropsWhatNobodyAccepts(String backend) {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            // What dockerd leaves on a host, once in each variant; and a host that lets nothing in either.
            rule(cluster.node(0), "nft", "-P", "FORWARD", "DROP");
            rule(cluster.node(1), "legacy", "-P", "FORWARD", "DROP");
            cluster.node(1).namespace().exec("iptables-legacy", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT");
            cluster.node(1).namespace().exec("iptables-legacy", "-P", "INPUT", "DROP");
            for (ClusterNode node : cluster.nodes()) {
                node.startAgent("--policy-backend=" + backend);
                node.awaitReady(Cluster.READY_LIMIT);
                node.addPod("one-on-" + node);
                node.addPod("two-on-" + node);
            }
            NodeWitness.assertAllPairsConnect(cluster);

            // Others change their firewall while the agent runs.
            rule(cluster.node(0), "nft", "-F", "FORWARD");
            rule(cluster.node(0), "nft", "-A", "FORWARD", "-j", "REJECT");
            rule(cluster.node(1), "legacy", "-F", "FORWARD");
            awaitAllPairsConnect(cluster);

            // What they refuse in particular stays refused.
            ClusterNode node = cluster.node(0);
            ClusterPod refused = node.pods().getFirst();
            String address = refused.address(IpFamily.IPV4).orElseThrow().toString();
            node.namespace().exec("iptables-nft", "-I", "FORWARD", "1", "-d", address, "-j", "DROP");
            assertThat(Probe.failures(
                            List.of(Probe.Target.icmp(
                                    node.pods().get(1).namespace(),
                                    refused.address(IpFamily.IPV4).orElseThrow())),
                            Duration.ofSeconds(1)))
                    .hasSize(1);

            for (ClusterNode each : cluster.nodes()) {
                each.pods().forEach(ClusterPod::delete);
                each.stopAgent();
                ProcessResult uninstalled = each.uninstall();
                assertThat(uninstalled.exitCode()).as(uninstalled.toString()).isZero();
                assertThat(rules(each)).doesNotContain("IKAT").contains(":FORWARD DROP");
            }
        }
    }

    /** As those of services do, which a node of Docker's sends on to pods of others by the link on which they came. */
    @ParameterizedTest
    @ValueSource(strings = {"nft", "legacy"})
    void packetsPassOnTheirWayToPodsOfOtherNodesWhereNoTunnelLeads(String variant) {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(3).withAgentArguments("--overlay=direct"))) {
            ClusterNode node = cluster.node(0);
            ClusterNode outside = cluster.node(2);
            rule(node, variant, "-P", "FORWARD", "DROP");
            for (ClusterNode each : List.of(node, cluster.node(1))) {
                each.startAgent();
                each.awaitReady(Cluster.READY_LIMIT);
            }
            ClusterPod pod = cluster.node(1).addPod("far");
            for (IpFamily family : IpFamily.values()) {
                // Else it would hear from the node that there is a shorter way.
                String settings = family == IpFamily.IPV4 ? "net.ipv4.conf." : "net.ipv6.conf.";
                outside.namespace().sysctl(settings + "all.accept_redirects", "0");
                outside.namespace().sysctl(settings + "eth0.accept_redirects", "0");
                IpAddress address = pod.address(family).orElseThrow();
                outside.namespace().ip("route", "add", address.toString(), "via", address(node, family));
                Await.until(
                        LIMIT,
                        () -> "it is not reached: " + rules(node),
                        () -> Probe.failures(
                                        List.of(Probe.Target.icmp(outside.namespace(), address)),
                                        Duration.ofMillis(500))
                                .isEmpty());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "ebpf"})
    void chainThatNobodyCanOverruleIsNamedWithTheCommandThatMendsIt(String backend) {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            node.namespace()
                    .exec(
                            "nft",
                            "add table inet strict; add chain inet strict through { type filter hook forward priority 5; "
                                    + "policy drop; }");
            node.startAgent("--policy-backend=" + backend);
            Await.until(
                    LIMIT,
                    () -> "the fault is not told: " + node.logTail(),
                    () -> node.logLines().stream()
                            .anyMatch(line -> line.contains("event=packets-blocked")
                                    && line.contains("inet strict through")
                                    && line.contains("level=WARN")));
            assertThat(node.isReady()).isFalse();
            assertThat(node.fromHere(node.confDirectory()).resolve("10-ikat.conflist"))
                    .doesNotExist();
            ProcessResult status = node.status();
            assertThat(status.exitCode()).isNotZero();
            assertThat(status.stdout())
                    .contains("packets   do not pass")
                    .contains("nft insert rule inet strict through iifname \"ik*\" accept");
            assertThat(node.metrics())
                    .contains("ikat_packets_blocked{family=\"ipv4\"} 1")
                    .contains("ikat_packets_blocked{family=\"ipv6\"} 1");

            node.namespace().exec("nft", "insert rule inet strict through iifname \"ik*\" accept");
            node.namespace().exec("nft", "insert rule inet strict through oifname \"ik*\" accept");
            node.awaitReady(LIMIT);
            assertThat(node.metrics()).contains("ikat_packets_blocked{family=\"ipv4\"} 0");
            NodeWitness.awaitExactly(node, LIMIT);
        }
    }

    @Test
    void chainThatDropsPacketsOfPodsBehindARouteIsNamed() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2).withAgentArguments("--overlay=direct"))) {
            ClusterNode node = cluster.node(0);
            ClusterNode other = cluster.node(1);
            other.startAgent();
            // Pods of this node reach each other, and the other node itself, whose answers are let in.
            node.namespace()
                    .exec(
                            "nft",
                            "add table inet strict; add chain inet strict through { type filter hook forward priority 5; "
                                    + "policy drop; }; add rule inet strict through iifname \"ik*\" accept; "
                                    + "add rule inet strict through ip saddr " + address(other, IpFamily.IPV4)
                                    + " accept; add rule inet strict through ip6 saddr "
                                    + address(other, IpFamily.IPV6) + " accept");
            other.awaitReady(Cluster.READY_LIMIT);
            node.startAgent();
            node.awaitReady(Cluster.READY_LIMIT);
            for (Cidr block : other.podCidrs()) {
                Await.until(
                        // Such a fault counts when it is found twice.
                        LIMIT.plus(LIMIT),
                        () -> "the fault is not told: " + node.logTail(),
                        () -> node.logLines().stream()
                                .anyMatch(line -> line.contains("event=packets-blocked")
                                        && line.contains("for its pods in " + block)));
            }
            assertThat(node.status().stdout())
                    .contains(
                            "packets from pods of other nodes to pods of this node are refused here: the nftables chain"
                                    + " 'inet strict through' drops")
                    .contains("nft insert rule inet strict through oifname \"ik*\" accept");

            node.namespace().exec("nft", "delete table inet strict");
            Await.until(
                    LIMIT.plus(LIMIT),
                    () -> "packets don't pass: " + node.logTail(),
                    () -> node.status().stdout().contains("packets   pass"));
            assertThat(other.status().stdout()).doesNotContain("do not pass");
        }
    }

    @Test
    void chainThatRefusesTunnelsIsNamedBeforeOneFails() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            ClusterNode node = cluster.node(0);
            node.namespace()
                    .exec(
                            "nft",
                            "add table inet strict; add chain inet strict in { type filter hook input priority 0; "
                                    + "policy drop; }; add rule inet strict in ct state established,related accept; "
                                    + "add rule inet strict in iif lo accept; "
                                    + "add rule inet strict in meta l4proto { icmp, ipv6-icmp } accept; "
                                    + "add rule inet strict in tcp dport 22 accept");
            node.startAgent();
            node.awaitReady(Cluster.READY_LIMIT);
            assertThat(node.status().stdout())
                    .contains("tunnels from other nodes are refused here: the nftables chain 'inet strict in'")
                    .contains("nft insert rule inet strict in udp dport 8472 accept");

            node.namespace().exec("nft", "insert rule inet strict in udp dport 8472 accept");
            Await.until(
                    LIMIT,
                    () -> "it is still named: " + node.logTail(),
                    () -> !node.status().stdout().contains("tunnels from other nodes are refused"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nft", "legacy"})
    void ruleOfIptablesThatRefusesWhatPodsNeedIsNamed(String variant) {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(2))) {
            ClusterNode node = cluster.node(0);
            rule(node, variant, "-A", "INPUT", "-p", "udp", "--dport", "8472", "-j", "DROP");
            node.startAgent();
            node.awaitReady(Cluster.READY_LIMIT);
            assertThat(node.status().stdout())
                    .contains("tunnels from other nodes are refused here: the rule '-A INPUT -p udp -m udp --dport 8472"
                            + " -j DROP' of iptables-" + variant)
                    .contains("iptables-" + variant + " -I INPUT -p udp --dport 8472 -j ACCEPT");

            rule(node, variant, "-D", "INPUT", "-p", "udp", "--dport", "8472", "-j", "DROP");
            rule(node, variant, "-N", "mine");
            rule(node, variant, "-A", "FORWARD", "-j", "mine");
            rule(node, variant, "-A", "mine", "-o", "ik+", "-p", "udp", "-j", "DROP");
            Await.until(
                    LIMIT,
                    () -> "the rule is not named: " + node.logTail(),
                    () -> node.status().stdout().contains("of iptables-" + variant + " refuses forwarded packets"));
            assertThat(node.status().stdout())
                    .contains("packet passes between two pods of this node: the rule '-A mine -o ik+ -p udp -j DROP'")
                    .doesNotContain("tunnels from other nodes are refused");

            rule(node, variant, "-F", "mine");
            node.awaitReady(LIMIT);
        }
    }

    private static String address(ClusterNode node, IpFamily family) {
        return node.internalIps().stream()
                .map(InterfaceAddress::address)
                .filter(address -> address.family() == family)
                .findFirst()
                .orElseThrow()
                .toString();
    }

    @Test
    void selfTestPassesWhateverPodsAreSaidToHaveItsAddresses() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            cluster.apply("deny.yaml", PolicyBehaviour.DENY_ALL);
            cluster.apply("stale.yaml", """
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: stale, namespace: shop}
                    spec: {nodeName: %s}
                    status:
                      phase: Running
                      podIPs: [%s]
                    """.formatted(node.name(), highestAddresses(node)));
            // Because of it the node is not ready before the self-test has passed.
            rule(node, "nft", "-A", "FORWARD", "-p", "udp", "--dport", "9", "-j", "DROP");
            node.startAgent();
            node.awaitReady(LIMIT);
            assertThat(node.status().stdout()).contains("packets   pass");
        }
    }

    /** Those that the self-test prefers, as a list of YAML. */
    private static String highestAddresses(ClusterNode node) {
        List<String> addresses = new ArrayList<>();
        for (Cidr block : node.podCidrs()) {
            IpAddress address = AddressRange.of(block).last();
            for (int i = 0; i < 4; i++) {
                addresses.add("{ip: \"" + address + "\"}");
                address = address.previous();
            }
        }
        return String.join(", ", addresses);
    }

    @Test
    void ruleThatOnlyAPacketFindsIsFound() {
        try (Cluster cluster = Cluster.create(Cluster.Options.nodes(1))) {
            ClusterNode node = cluster.node(0);
            node.namespace().exec("iptables-legacy", "-t", "mangle", "-A", "FORWARD", "-i", "ik+", "-j", "DROP");
            node.namespace()
                    .exec(
                            "nft",
                            "add table ip hidden; add chain ip hidden through { type filter hook forward priority 5; }; "
                                    + "add rule ip hidden through ip protocol udp drop");
            node.startAgent();
            Await.until(
                    LIMIT,
                    () -> "the fault is not told: " + node.logTail(),
                    () -> node.logLines().stream().anyMatch(line -> line.contains("no IPv4 packet passes")));
            assertThat(node.isReady()).isFalse();
            node.namespace().exec("nft", "delete table ip hidden");
            node.namespace().exec("iptables-legacy", "-t", "mangle", "-F", "FORWARD");
            node.awaitReady(LIMIT);
        }
    }
}
