package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Somebody else changes what Ikat made: it is put right again, and soon. */
@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
final class RepairIT {
    private static final Duration REPAIR_LIMIT = Duration.ofSeconds(10);
    private static final Duration MOVE_LIMIT = Duration.ofSeconds(15);

    private Cluster cluster;
    private ClusterNode node;
    private List<String> before;
    private double repairsBefore;

    @BeforeEach
    void makeTwoNodesThatAreConnected() {
        cluster = Cluster.start(Cluster.Options.nodes(2).withAgentArguments("--overlay=vxlan"));
        node = cluster.node(0);
        cluster.nodes().forEach(each -> each.addPod("on-" + each));
        NodeWitness.assertAllPairsConnect(cluster);
        before = node.state();
        repairsBefore = repairs();
    }

    /** How often the agent says it repaired what others did: it may be faster than whoever looks for the damage. */
    private double repairs() {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith("ikat_repairs_total{") && line.contains("cause=\"drift\""))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    @AfterEach
    void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private void assertRepaired() {
        Await.until(
                REPAIR_LIMIT,
                () -> difference() + node.logTail(),
                () -> node.state().equals(before) && repairs() > repairsBefore);
        NodeWitness.assertAllPairsConnect(cluster);
    }

    private String difference() {
        List<String> now = node.state();
        return "missing %s, too many %s%n"
                .formatted(
                        before.stream().filter(line -> !now.contains(line)).toList(),
                        now.stream().filter(line -> !before.contains(line)).toList());
    }

    @Test
    void flushedRoutesComeBack() {
        node.namespace().ip("-4", "route", "flush", "proto", Integer.toString(ClusterNode.ROUTE_PROTOCOL));
        node.namespace().ip("-6", "route", "flush", "proto", Integer.toString(ClusterNode.ROUTE_PROTOCOL));

        assertRepaired();
    }

    @Test
    void aDeletedVxlanDeviceComesBack() {
        node.namespace().ip("link", "delete", "ikat-vxlan");

        assertRepaired();
    }

    @Test
    void aVxlanDeviceThatWasSetDownComesBack() {
        node.namespace().ip("link", "set", "ikat-vxlan", "down");

        assertRepaired();
    }

    @Test
    void aDeletedFdbEntryComesBack() {
        String entry = node.namespace()
                .exec("bridge", "fdb", "show", "dev", "ikat-vxlan")
                .lines()
                .findFirst()
                .orElseThrow();
        String[] words = entry.split(" +", -1);
        node.namespace().exec("bridge", "fdb", "del", words[0], "dev", "ikat-vxlan", "dst", words[2]);

        assertRepaired();
    }

    @Test
    void settingsThatKeepPacketsFromBeingForwardedAreUndone() {
        String pod = node.namespace().linkNames().stream()
                .filter(link -> link.startsWith("ik") && !link.equals("ikat-vxlan"))
                .findFirst()
                .orElseThrow();
        Map<String, String> wanted = new LinkedHashMap<>();
        wanted.put("net.ipv4.ip_forward", "1");
        wanted.put("net.ipv6.conf.all.forwarding", "1");
        wanted.put("net.ipv4.conf." + pod + ".forwarding", "1");
        wanted.put("net.ipv4.conf." + pod + ".rp_filter", "0");
        wanted.put("net.ipv4.conf." + pod + ".proxy_arp", "0");
        wanted.put("net.ipv4.conf.ikat-vxlan.rp_filter", "0");
        wanted.put("net.ipv6.conf.eth0.accept_ra", "2");

        wanted.forEach(
                (key, value) -> node.namespace().sysctl(key, value.equals("0") ? "1" : value.equals("1") ? "0" : "1"));

        List<String> keys = List.copyOf(wanted.keySet());
        Await.until(
                REPAIR_LIMIT,
                () -> values(keys) + node.logTail(),
                () -> values(keys).equals(List.copyOf(wanted.values())));
        assertRepaired();
    }

    private List<String> values(List<String> keys) {
        List<String> command = new ArrayList<>(List.of("sysctl", "-n"));
        command.addAll(keys);
        return node.namespace().exec(command.toArray(String[]::new)).lines().toList();
    }

    /** As systemd-udevd's MACAddressPolicy and NetworkManager do to links that they take for theirs. */
    @Test
    void linkLayerAddressesThatSomebodyChangedComeBack() {
        String pod = node.namespace().linkNames().stream()
                .filter(link -> link.startsWith("ik") && !link.equals("ikat-vxlan"))
                .findFirst()
                .orElseThrow();
        List<String> addresses = linkLayerAddresses();

        node.namespace().ip("link", "set", pod, "address", "02:00:00:00:00:09");
        node.namespace().ip("link", "set", "ikat-vxlan", "address", "02:00:00:00:00:08");

        Await.until(
                REPAIR_LIMIT,
                () -> addresses + " became " + linkLayerAddresses() + node.logTail(),
                () -> linkLayerAddresses().equals(addresses));
        assertRepaired();
        assertThat(node.logLines())
                .anyMatch(line -> line.contains("event=link-address-restored")
                        && line.contains("link " + pod + " had the link-layer address 02:00:00:00:00:09"));
    }

    private List<String> linkLayerAddresses() {
        return node.namespace().ipJson("link", "show").stream()
                .map(link ->
                        link.get("ifname").text() + " " + link.get("address").text())
                .toList();
    }

    @Test
    void ipv6ThatSomebodySwitchedOffComesBack() {
        node.namespace().sysctl("net.ipv6.conf.ikat-vxlan.disable_ipv6", "1");
        node.namespace().linkNames().stream()
                .filter(link -> link.startsWith("ik") && !link.equals("ikat-vxlan"))
                .forEach(link -> node.namespace().sysctl("net.ipv6.conf." + link + ".disable_ipv6", "1"));

        assertRepaired();
    }

    @Test
    void masqueradingOutlivesAFlushedRuleset() {
        node.namespace().exec("nft", "flush", "ruleset");

        assertThat(node.state()).isEqualTo(before);
    }

    @Test
    void whatOthersMadeIsLeftAlone() throws InterruptedException {
        node.namespace().ip("route", "add", "203.0.113.0/24", "dev", "eth0");
        node.namespace().ip("link", "add", "others0", "type", "bridge");
        node.namespace().exec("nft", "add", "table", "inet", "others");
        List<String> withOthers = node.state();

        node.namespace().ip("link", "delete", "ikat-vxlan");

        Await.until(
                REPAIR_LIMIT,
                () -> withOthers + " became " + node.state(),
                () -> node.state().equals(withOthers));
    }

    @Test
    void aChangedNodeAddressMovesItsPeers() {
        ClusterNode moved = cluster.node(1);
        String peer = moved.internalIps().getFirst().address().toString();

        moved.renumber(99);

        String now = moved.internalIps().getFirst().address().toString();
        Await.until(
                MOVE_LIMIT,
                () -> node + " still sends to " + peer + ": " + node.state(),
                () -> node.state().stream().noneMatch(line -> mentions(line, peer))
                        && node.state().stream().anyMatch(line -> line.startsWith("fdb") && mentions(line, now)));
        Await.until(
                MOVE_LIMIT,
                () -> "pods do not reach each other: " + moved.state() + moved.logTail(),
                () -> dev.ikat.testbed.traffic.Probe.failures(cluster.allPairs(), Duration.ofMillis(500))
                        .isEmpty());
    }

    private static boolean mentions(String line, String address) {
        return List.of(line.split(" +", -1)).contains(address);
    }
}
