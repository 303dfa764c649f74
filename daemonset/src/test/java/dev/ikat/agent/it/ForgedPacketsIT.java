package dev.ikat.agent.it;

import static dev.ikat.backendtests.CraftedPacket.echoRequest;
import static dev.ikat.backendtests.CraftedPacket.mark;
import static dev.ikat.backendtests.CraftedPacket.udp;
import static dev.ikat.backendtests.CraftedPacket.vxlan;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestDirectory;
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
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes under whose policies nobody gets by lying about who sent a packet; what the agents say of it. */
@RequiresRoot
@RequiresProgram("ipset")
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class ForgedPacketsIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int PORT = 8472;
    private static final int VNI = 4796;
    private static final int STRANGER = 66;

    private Cluster cluster;
    private TestNamespace stranger;
    private TestDirectory directory;
    private Path options;
    private ClusterPod one;
    private ClusterPod two;
    private ClusterPod far;

    @BeforeEach
    void make() {
        directory = TestDirectory.create();
        options = directory.path().resolve("options");
        cluster = Cluster.create(Cluster.Options.nodes(2));
        stranger = TestNamespace.create();
        cluster.underlay().attach(stranger, 0, STRANGER);
        // Where the probe sends to.
        receiver().namespace().ip("link", "set", "eth0", "address", "ee:ee:ee:ee:ee:ee");
    }

    @AfterEach
    void remove() {
        stranger.close();
        cluster.close();
        directory.close();
    }

    private void start(String... arguments) {
        cluster.nodes().forEach(node -> node.startAgent(arguments));
        cluster.nodes().forEach(node -> node.awaitReady(Cluster.READY_LIMIT));
        one = cluster.node(0).addPod("one");
        two = cluster.node(0).addPod("two");
        far = receiver().addPod("far");
        far.serve();
    }

    private ClusterNode receiver() {
        return cluster.node(1);
    }

    private static IpAddress address(ClusterPod pod) {
        return pod.address(IpFamily.IPV4).orElseThrow();
    }

    private static IpAddress address(ClusterNode node) {
        return node.internalIps().getFirst().address();
    }

    private static IpAddress strangers() {
        return Underlay.v4(0, STRANGER).address();
    }

    private static byte[] tunnelled(ClusterNode node, IpAddress from, byte[] within) {
        String mac = node.namespace().ipJson("link", "show", "ikat-vxlan").stream()
                .findFirst()
                .orElseThrow()
                .get("address")
                .text();
        return udp(from, address(node), PORT, vxlan(VNI, MacAddress.parse(mac), within));
    }

    private byte[] toFar(IpAddress from) {
        return udp(from, address(far), 7777, mark());
    }

    private static double drops(ClusterNode node, String cause) {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith("ikat_policy_drops_total{cause=\"" + cause + "\""))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    private static void assertTold(ClusterNode node, String cause) {
        Await.until(
                LIMIT,
                () -> cause + ": " + node.logTail(),
                () -> drops(node, cause) > 0
                        && node.logLines().stream()
                                .anyMatch(line -> line.contains("event=policy-drop drop=" + cause + " ")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nftables",
                "iptables --iptables-variant=legacy",
                "iptables --iptables-variant=nft",
                "ebpf",
                "none --masquerade=false"
            })
    void nobodySendsAsAnother(String backend) {
        start(("--policy-backend=" + backend).split(" ", -1));
        assertThat(Probe.failures(one.targets(far), LIMIT)).isEmpty();

        assertThat(Probe.inject(
                        stranger,
                        far.namespace(),
                        List.of(
                                toFar(strangers()),
                                toFar(address(one)),
                                tunnelled(receiver(), strangers(), toFar(address(one))))))
                .as("a stranger as itself, as a pod, and in a tunnel")
                .containsExactly(true, false, false);
        assertThat(Probe.inject(
                        one.namespace(),
                        far.namespace(),
                        List.of(
                                toFar(address(one)),
                                toFar(address(two)),
                                tunnelled(receiver(), address(one), toFar(address(two))))))
                .as("a pod as itself, as another, and in a tunnel")
                .containsExactly(true, false, false);
        assertThat(Probe.inject(
                        one.namespace(),
                        two.namespace(),
                        List.of(
                                tunnelled(cluster.node(0), address(one), udp(address(far), address(two), 7777, mark())),
                                echoRequest(address(two), address(cluster.node(0))))))
                .as("a pod in its own node's tunnel, and to its own node as another")
                .containsOnly(false);
        assertTold(receiver(), "tunnel-from-stranger");
        assertTold(receiver(), "spoofed-node-block");
        assertTold(cluster.node(0), "tunnel-from-pod");
        assertTold(cluster.node(0), "spoofed");
    }

    @Test
    void believesNodesThatComeAndNoLongerThoseThatGo() {
        start();
        byte[] fromThird = tunnelled(receiver(), strangers(), toFar(IpAddress.parse("10.244.9.1")));
        cluster.apply("third.yaml", """
                apiVersion: v1
                kind: Node
                metadata: {name: third}
                spec: {podCIDRs: [10.244.9.0/24]}
                status: {addresses: [{type: InternalIP, address: %s}]}
                """.formatted(strangers()));
        Await.until(LIMIT, receiver()::logTail, () -> arrives(fromThird));
        assertThat(Probe.inject(
                        stranger, far.namespace(), List.of(tunnelled(receiver(), strangers(), toFar(address(one))))))
                .as("as another node's pod")
                .containsExactly(false);
        cluster.delete("third.yaml");
        Await.until(LIMIT, receiver()::logTail, () -> !arrives(fromThird));
    }

    private boolean arrives(byte[] packet) {
        return Probe.inject(stranger, far.namespace(), List.of(packet)).getFirst();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nftables;nft flush ruleset",
                "ebpf;nft flush ruleset",
                "iptables --iptables-variant=nft;iptables-nft -t raw -F IKAT-GUARD-SOURCES;iptables-nft -F INPUT"
            })
    void isPutRightSoon(String backendAndDrifts) {
        String[] words = backendAndDrifts.split(";", -1);
        start(("--own-table=false --policy-backend=" + words[0]).split(" ", -1));
        byte[] spoofed = toFar(address(one));
        byte[] inTunnel = tunnelled(receiver(), strangers(), toFar(address(one)));
        for (String drift : List.of(words).subList(1, words.length)) {
            double before = repairs();
            receiver().namespace().exec(drift.split(" ", -1));
            Await.until(Duration.ofSeconds(10), receiver()::logTail, () -> repairs() > before);
            assertThat(arrives(spoofed)).as(drift).isFalse();
            assertThat(arrives(inTunnel)).as(drift).isFalse();
        }
    }

    private double repairs() {
        return receiver()
                .metrics()
                .lines()
                .filter(line -> line.startsWith("ikat_repairs_total{")
                        && line.contains("cause=\"drift\"")
                        && line.contains("part=\"guard\""))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    @Test
    void nothingGetsByWhileBackendsSwap() throws IOException {
        Files.writeString(options, "policy-backend: nftables\n");
        start("--config=" + options);
        byte[] sent = tunnelled(receiver(), strangers(), udp(address(one), address(far), Flood.PORT, mark()));
        // Without the headers of IP and UDP, which the kernel makes.
        Path payload = Files.write(directory.path().resolve("payload"), Arrays.copyOfRange(sent, 28, sent.length));
        try (Flood flood =
                Flood.start(stranger, far.namespace(), address(far), address(receiver()), PORT, "cat " + payload)) {
            for (String backend : List.of("iptables", "nftables", "ebpf", "iptables", "ebpf", "nftables")) {
                Files.writeString(options, "policy-backend: " + backend + "\n");
                receiver()
                        .namespace()
                        .exec("kill", "-HUP", Long.toString(receiver().agent().pid()));
                String event = "to=" + backend.toUpperCase(Locale.ROOT);
                Await.until(
                        LIMIT,
                        receiver()::logTail,
                        () -> receiver().logLines().stream()
                                .filter(line -> line.contains("event=policy-backend-changed"))
                                .reduce((_, last) -> last)
                                .filter(last -> last.contains(event))
                                .isPresent());
            }
            assertThat(flood.arrived()).isZero();
            assertThat(drops(receiver(), "tunnel-from-stranger")).isPositive();
            // Were nothing in the way, it would arrive.
            receiver().stopAgent();
            receiver().namespace().exec("nft", "delete", "table", "inet", "ikat");
            Await.until(LIMIT, () -> "nothing arrives", () -> flood.arrived() > 0);
        }
    }
}
