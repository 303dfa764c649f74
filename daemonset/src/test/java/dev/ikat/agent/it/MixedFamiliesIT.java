package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes with addresses of both families and of one: each pair is joined over a family that both have. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class MixedFamiliesIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final String DENY = """
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: deny, namespace: default}
            spec:
              podSelector: {matchLabels: {closed: "yes"}}
            """;

    private static final String PODS = """
            apiVersion: v1
            kind: Pod
            metadata: {name: closed, namespace: default, labels: {closed: "yes"}}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: on-dual, namespace: default}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: on-six, namespace: default}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: on-four, namespace: default}
            """;

    private static void assertConnect(List<ClusterPod> pods) {
        List<Probe.Target> targets = targets(pods);
        Await.until(
                LIMIT,
                () -> Probe.failures(targets, Duration.ofSeconds(2)).toString(),
                () -> Probe.failures(targets, Duration.ofSeconds(1)).isEmpty());
    }

    private static List<Probe.Target> targets(List<ClusterPod> pods) {
        List<Probe.Target> targets = new ArrayList<>();
        for (ClusterPod from : pods) {
            for (ClusterPod to : pods) {
                if (from != to) {
                    targets.addAll(from.targets(to));
                }
            }
        }
        return targets;
    }

    private static boolean hasLink(ClusterNode node, String name) {
        return node.namespace().linkNames().contains(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void eachPairIsTunnelledOverAFamilyThatBothHave(String backend) {
        Cluster.Options options = Cluster.Options.nodes(3).withAgentArguments("--policy-backend=" + backend);
        try (Cluster cluster = Cluster.create(options)) {
            ClusterNode dual = cluster.node(0);
            ClusterNode six = cluster.node(1);
            ClusterNode four = cluster.node(2);
            six.setFamilies(IpFamily.IPV6);
            four.setFamilies(IpFamily.IPV4);
            cluster.apply("deny.yaml", DENY);
            cluster.apply("pods.yaml", PODS);
            cluster.startAgents();
            ClusterPod onDual = dual.addPod("on-dual");
            ClusterPod closed = dual.addPod("closed");
            ClusterPod onSix = six.addPod("on-six");
            ClusterPod onFour = four.addPod("on-four");
            cluster.pods().forEach(ClusterPod::serve);

            assertConnect(List.of(onDual, onSix));
            assertConnect(List.of(onDual, onFour));
            assertThat(dual.namespace().exec("ip", "-br", "link"))
                    .contains("ikat-vxlan2")
                    .contains("ikat-vxlan ");
            assertThat(hasLink(six, "ikat-vxlan2")).isFalse();
            assertThat(hasLink(four, "ikat-vxlan2")).isFalse();
            assertThat(dual.namespace()
                            .ip("route", "get", onSix.addresses().getFirst().toString()))
                    .contains("dev ikat-vxlan2", "src 10.244.1.0");
            // The node itself is known by the same address in both tunnels.
            assertThat(Probe.failures(
                            onSix.addresses().stream()
                                    .map(address -> Probe.Target.icmp(dual.namespace(), address))
                                    .toList(),
                            LIMIT))
                    .isEmpty();
            assertPolicyHolds(onSix, closed);
            assertLargePacketsPass(onDual, onSix);
            assertThat(status(dual)).contains("by tunnel over IPv6 via", "by tunnel over IPv4 via");
            assertThat(status(six)).contains("node node-3 has no IPv6 InternalIP and node node-2 no other");

            dual.namespace().ip("link", "delete", "ikat-vxlan2");
            assertConnect(List.of(onDual, onSix));
            dual.namespace().ip("address", "flush", "dev", "ikat-vxlan2");
            Await.until(
                    LIMIT,
                    () -> "addresses stay away",
                    () -> dual.namespace()
                            .ip("address", "show", "dev", "ikat-vxlan2")
                            .contains("10.244.1.0"));

            dual.stopAgent();
            assertThat(Probe.failures(targets(List.of(onDual, onSix)), LIMIT)).isEmpty();
            dual.startAgent();
            dual.awaitReady(Cluster.READY_LIMIT);
            assertConnect(List.of(onDual, onSix));

            six.setFamilies(IpFamily.IPV4, IpFamily.IPV6);
            Await.until(LIMIT, () -> "the second tunnel link stays", () -> !hasLink(dual, "ikat-vxlan2"));
            assertConnect(List.of(onDual, onSix, onFour));
            six.setFamilies(IpFamily.IPV6);
            Await.until(LIMIT, () -> "no second tunnel link", () -> hasLink(dual, "ikat-vxlan2"));
            assertConnect(List.of(onDual, onSix));

            assertUninstallLeavesNoLink(dual);
        }
    }

    private static void assertPolicyHolds(ClusterPod from, ClusterPod closed) {
        List<Probe.Target> targets = from.targets(closed);
        assertThat(Probe.failures(targets, Duration.ofSeconds(1))).hasSameSizeAs(targets);
    }

    /** The tunnel over IPv6 takes 20 bytes less than pods of the other node send: that node tells them. */
    private static void assertLargePacketsPass(ClusterPod from, ClusterPod to) {
        for (IpAddress address : to.addresses()) {
            String payload = Integer.toString(1438 - (address.family() == IpFamily.IPV4 ? 28 : 48));
            ProcessResult echo = from.namespace()
                    .runner("ping", "-c", "3", "-i", "0.2", "-W", "1", "-s", payload, address.toString())
                    .run();
            assertThat(echo.stdout()).contains("bytes from");
        }
    }

    private static String status(ClusterNode node) {
        return node.status().stdout();
    }

    private static void assertUninstallLeavesNoLink(ClusterNode node) {
        node.pods().forEach(ClusterPod::delete);
        node.stopAgent();
        ProcessResult uninstalled = node.uninstall();
        assertThat(uninstalled.exitCode()).as(uninstalled.toString()).isZero();
        assertThat(node.namespace().linkNames()).noneMatch(name -> name.startsWith("ik"));
        assertThat(node.namespace().ip("route", "show", "proto", "107")).isBlank();
        assertThat(node.namespace().ip("-6", "route", "show", "proto", "107")).isBlank();
    }
}
