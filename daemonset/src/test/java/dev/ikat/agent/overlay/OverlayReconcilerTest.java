package dev.ikat.agent.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.LinkNames;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Ethtool;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.KernelFeature;
import dev.ikat.testbed.requirement.RequiresKernel;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@RequiresKernel({KernelFeature.VETH, KernelFeature.BRIDGE, KernelFeature.VXLAN, KernelFeature.IPV6})
class OverlayReconcilerTest {
    private final List<TestNode> nodes = new ArrayList<>();
    private Underlay underlay;

    /** A node with the addresses of its host number on the underlay, and what an agent of it holds. */
    private final class TestNode implements AutoCloseable {
        final TestNamespace namespace = TestNamespace.create();
        final NetworkNamespace entered = NetworkNamespace.open(namespace.path());
        final Rtnetlink netlink = Rtnetlink.open(entered);
        final OverlayReconciler reconciler = new OverlayReconciler(netlink);
        Node object;

        TestNode(int number, int subnet) {
            underlay.attach(namespace, subnet, 10 + number);
            object = object(number, subnet, 10 + number);
        }

        Node object(int number, int subnet, int host) {
            return new Node(
                    "node-" + number,
                    Labels.NONE,
                    List.of(
                            Cidr.parse("10.244.%d.0/24".formatted(number)),
                            Cidr.parse("fd00:10:244:%x::/64".formatted(number))),
                    List.of(
                            Underlay.v4(subnet, host).address(),
                            Underlay.v6(subnet, host).address()));
        }

        OverlayState plan(OverlayMode mode) {
            return plan(mode, true);
        }

        OverlayState plan(OverlayMode mode, boolean checksumOffload) {
            Uplink uplink = UplinkFinder.find(netlink, Optional.empty(), object, List.of())
                    .orElseThrow();
            return OverlayPlanner.plan(
                    new OverlaySettings(mode, 4796, 8472, 0, checksumOffload),
                    object,
                    nodes.stream().map(n -> n.object).toList(),
                    uplink,
                    Set.of(),
                    InForce.NOTHING);
        }

        /** What the kernel has against it; the rest is done. */
        List<NodeFault> faults(OverlayMode mode) {
            OverlayState state = plan(mode);
            assertThat(state.faults()).isEmpty();
            return entered.call(() -> reconciler.reconcile(state)).faults();
        }

        List<String> reconcile(OverlayMode mode) {
            OverlayState state = plan(mode);
            assertThat(state.faults()).isEmpty();
            return entered.call(() -> reconciler.reconcile(state)).changes();
        }

        boolean checksumOffload() {
            return entered.call(() -> Ethtool.txChecksumOffload(new InterfaceName(LinkNames.OVERLAY)));
        }

        /** An address that a pod could have, on the loopback interface: enough to be reached through the overlay. */
        void addPodAddresses() {
            for (Cidr cidr : object.podCidrs()) {
                InterfaceAddress address = InterfaceAddress.host(cidr.network().plus(5));
                namespace.ip("address", "add", address.toString(), "dev", "lo");
            }
        }

        @Override
        public void close() {
            netlink.close();
            entered.close();
            namespace.close();
        }
    }

    @BeforeEach
    void makeUnderlay() {
        underlay = new Underlay();
    }

    @AfterEach
    void remove() {
        nodes.forEach(TestNode::close);
        underlay.close();
    }

    private void makeNodes(int... subnets) {
        for (int i = 0; i < subnets.length; i++) {
            nodes.add(new TestNode(i + 1, subnets[i]));
        }
        nodes.forEach(TestNode::addPodAddresses);
    }

    private void assertAllReachEachOther() {
        List<Probe.Target> targets = new ArrayList<>();
        for (TestNode from : nodes) {
            for (TestNode to : nodes) {
                to.object
                        .podCidrs()
                        .forEach(cidr -> targets.add(
                                Probe.Target.icmp(from.namespace, cidr.network().plus(5))));
            }
        }
        assertThat(Probe.failures(targets, Duration.ofSeconds(2))).isEmpty();
    }

    private void reconcileAll(OverlayMode mode) {
        for (TestNode node : nodes) {
            assertThat(node.reconcile(mode)).isNotEmpty();
            assertThat(node.reconcile(mode)).as("second time").isEmpty();
        }
    }

    @Test
    void vxlanConnectsNodesAcrossSubnetsAndTheSecondTimeChangesNothing() {
        makeNodes(0, 0, 1);
        reconcileAll(OverlayMode.VXLAN);
        assertAllReachEachOther();
    }

    @Test
    void checksumOffloadIsAsTheOperatorWantsItAndConnectsEitherWay() {
        makeNodes(0, 0);
        TestNode node = nodes.getFirst();
        reconcileAll(OverlayMode.VXLAN);
        assertThat(node.checksumOffload()).isTrue();

        OverlayState off = node.plan(OverlayMode.VXLAN, false);
        assertThat(node.entered.call(() -> node.reconciler.reconcile(off)).changes())
                .containsExactly("tx checksum offload of ikat-vxlan off");
        assertThat(node.checksumOffload()).isFalse();
        assertAllReachEachOther();

        assertThat(node.reconcile(OverlayMode.VXLAN)).containsExactly("tx checksum offload of ikat-vxlan on");
        assertThat(node.checksumOffload()).isTrue();
    }

    @Test
    void directConnectsNodesOfOneSubnet() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.DIRECT);
        assertAllReachEachOther();
        assertThat(nodes.getFirst().namespace.linkNames()).doesNotContain(LinkNames.OVERLAY);
    }

    @Test
    void nodesAnswerForTheirBlocksAlsoWithoutATunnel() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.DIRECT);
        assertNodesAnswerEachOther();
        TestNode node = nodes.getFirst();
        assertThat(node.namespace.ip("address")).doesNotContain("10.244.1.0/", "fd00:10:244:1::/");

        node.namespace.ip("route", "del", "local", "10.244.1.0", "table", "local");
        node.namespace.ip("-6", "route", "add", "local", "fd00:10:244:1::9", "dev", "lo", "proto", "107");
        assertThat(node.reconcile(OverlayMode.DIRECT)).hasSize(2);
        assertThat(node.reconcile(OverlayMode.DIRECT)).isEmpty();
        assertNodesAnswerEachOther();
        assertThat(node.namespace.ip("-6", "route", "show", "table", "local")).doesNotContain("fd00:10:244:1::9");
    }

    private void assertNodesAnswerEachOther() {
        List<Probe.Target> targets = new ArrayList<>();
        for (TestNode from : nodes) {
            nodes.forEach(to -> to.object
                    .podCidrs()
                    .forEach(cidr -> targets.add(Probe.Target.icmp(from.namespace, cidr.network()))));
        }
        assertThat(Probe.failures(targets, Duration.ofSeconds(2))).isEmpty();
    }

    @Test
    void hostWithoutIpv6OnItsLoopbackLinkAnswersByIpv4Alone() {
        makeNodes(0, 0);
        TestNode node = nodes.getFirst();
        node.namespace.sysctl("net.ipv6.conf.lo.disable_ipv6", "1");
        reconcileAll(OverlayMode.DIRECT);
        assertThat(node.namespace.ip("route", "show", "table", "local")).contains("local 10.244.1.0 dev lo proto 107");
        assertThat(node.namespace.ip("-6", "route", "show", "table", "local")).doesNotContain("proto 107");
    }

    @Test
    void autoMixesBoth() {
        makeNodes(0, 0, 1);
        reconcileAll(OverlayMode.AUTO);
        assertAllReachEachOther();
        String routes = nodes.getFirst().namespace.ip("route");
        assertThat(routes)
                .contains("10.244.2.0/24 via 172.30.0.12 dev eth0")
                .contains("10.244.3.0/24 via 10.244.3.0 dev ikat-vxlan");
        assertNodesAnswerEachOther();
    }

    @Test
    void hostTrafficToRemotePodsComesFromThePodCidr() {
        makeNodes(0, 1);
        reconcileAll(OverlayMode.VXLAN);
        TestNamespace first = nodes.getFirst().namespace;
        assertThat(first.ip("route", "get", "10.244.2.5")).contains("src 10.244.1.0");
        assertThat(first.ip("route", "get", "fd00:10:244:2::5")).contains("src fd00:10:244:1::");
    }

    @Test
    void packetForAnAddressWithoutPodEndsHere() {
        makeNodes(0);
        reconcileAll(OverlayMode.VXLAN);
        TestNamespace node = nodes.getFirst().namespace;
        assertThat(node.runner("ip", "route", "get", "10.244.1.77").run().stderr())
                .contains("No route to host");
        assertThat(node.ip("-6", "route", "show", "type", "unreachable")).contains("proto 107");
    }

    @Test
    void everyDriftIsRepairedAndOnlyIt() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.VXLAN);
        TestNode node = nodes.getFirst();
        List<List<String>> drifts = List.of(
                List.of("ip", "route", "flush", "proto", "107"),
                List.of("ip", "-6", "route", "flush", "proto", "107"),
                List.of("ip", "link", "del", "ikat-vxlan"),
                List.of("ip", "link", "set", "ikat-vxlan", "down"),
                List.of("ip", "link", "set", "ikat-vxlan", "mtu", "1400"),
                List.of("ip", "link", "set", "ikat-vxlan", "address", "02:00:00:00:00:01"),
                List.of("ip", "address", "flush", "dev", "ikat-vxlan"),
                List.of("ip", "address", "add", "10.99.0.1/24", "dev", "ikat-vxlan"),
                List.of("bridge", "fdb", "del", "0e:6b:ac:1e:00:0c", "dev", "ikat-vxlan"),
                List.of("bridge", "fdb", "replace", "0e:6b:ac:1e:00:0c", "dev", "ikat-vxlan", "dst", "172.30.0.99"),
                List.of("bridge", "fdb", "add", "02:00:00:00:00:02", "dev", "ikat-vxlan", "dst", "172.30.0.99"),
                List.of("ip", "neigh", "flush", "dev", "ikat-vxlan", "nud", "permanent"),
                List.of("ip", "neigh", "replace", "10.244.2.0", "lladdr", "02:00:00:00:00:03", "dev", "ikat-vxlan"),
                List.of("ip", "route", "replace", "10.244.2.0/24", "via", "172.30.0.1", "proto", "107"),
                List.of("ip", "route", "add", "10.99.0.0/16", "via", "172.30.0.1", "proto", "107"),
                List.of("ip", "route", "add", "blackhole", "10.98.0.0/16", "proto", "107"));
        for (List<String> drift : drifts) {
            node.namespace.exec(drift.toArray(String[]::new));
            assertThat(node.reconcile(OverlayMode.VXLAN)).as(drift.toString()).isNotEmpty();
            assertThat(node.reconcile(OverlayMode.VXLAN)).as(drift.toString()).isEmpty();
        }
        assertAllReachEachOther();
    }

    @Test
    void nodeThatLeavesIsForgotten() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.VXLAN);
        TestNode first = nodes.getFirst();
        nodes.removeLast().close();
        assertThat(first.reconcile(OverlayMode.VXLAN)).hasSize(5);
        assertThat(first.namespace.ip("route")).doesNotContain("10.244.2.0");
        assertThat(first.namespace.exec("bridge", "fdb", "show", "dev", "ikat-vxlan"))
                .isBlank();
    }

    @Test
    void nodeThatMovesIsFollowed() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.VXLAN);
        TestNode second = nodes.get(1);
        underlay.renumber(second.namespace, 0, 12, 99);
        second.object = second.object(2, 0, 99);
        reconcileAll(OverlayMode.VXLAN);
        assertAllReachEachOther();
    }

    @Test
    void changeOfModeLeavesNothingOfTheOther() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.VXLAN);
        reconcileAll(OverlayMode.DIRECT);
        assertAllReachEachOther();
        assertThat(nodes.getFirst().namespace.linkNames()).doesNotContain(LinkNames.OVERLAY);
        nodes.forEach(node -> {
            node.entered.call(() -> {
                node.reconciler.remove();
                return true;
            });
            assertThat(node.namespace.ip("route", "show", "proto", "107")).isBlank();
            assertThat(node.namespace.ip("-6", "route", "show", "proto", "107")).isBlank();
            assertThat(node.namespace.ip("route", "show", "table", "local", "proto", "107"))
                    .isBlank();
            assertThat(node.namespace.ip("-6", "route", "show", "table", "local", "proto", "107"))
                    .isBlank();
        });
    }

    @Test
    void tunnelFollowsTheUplinksMtu() {
        makeNodes(0, 0);
        reconcileAll(OverlayMode.VXLAN);
        TestNode node = nodes.getFirst();
        node.namespace.ip("link", "set", "eth0", "mtu", "1400");
        assertThat(node.reconcile(OverlayMode.VXLAN)).singleElement().asString().contains("mtu 1350");
    }

    @Test
    void routeOfSomebodyElseIsReportedAndNotReplacedAndCostsThatNodeAlone() {
        makeNodes(0, 0, 0);
        TestNode node = nodes.getFirst();
        node.namespace.ip("route", "add", "10.244.2.0/24", "via", "172.30.0.1", "proto", "static");

        assertThat(node.faults(OverlayMode.VXLAN))
                .singleElement()
                .returns("node-2", NodeFault::node)
                .extracting(NodeFault::text)
                .asString()
                .contains(
                        "pod CIDR 10.244.2.0/24 of node node-2 gets no route",
                        "'10.244.2.0/24 via 172.30.0.1 dev eth0 proto static', made by static",
                        "ip route del 10.244.2.0/24 via 172.30.0.1 dev eth0 proto static");
        assertThat(node.namespace.ip("route", "show", "10.244.2.0/24")).contains("via 172.30.0.1");
        assertThat(node.namespace.ip("route", "show", "10.244.3.0/24")).contains("ikat-vxlan");
        assertThat(node.namespace.ip("-6", "route", "show", "fd00:10:244:2::/64"))
                .as("the others are made")
                .contains("ikat-vxlan");
        assertThat(node.entered.call(() -> node.reconciler.reconcile(node.plan(OverlayMode.VXLAN))))
                .as("said again, and nothing claimed to be changed")
                .satisfies(outcome -> assertThat(outcome.changes()).isEmpty())
                .satisfies(outcome -> assertThat(outcome.faults()).hasSize(1));

        node.namespace.ip("route", "del", "10.244.2.0/24", "via", "172.30.0.1", "dev", "eth0", "proto", "static");
        assertThat(node.faults(OverlayMode.VXLAN)).isEmpty();
        nodes.subList(1, 3).forEach(other -> other.reconcile(OverlayMode.VXLAN));
        assertAllReachEachOther();
    }

    @Test
    void networkOfTheHostInTheWayIsNamedWithItsAddress() {
        makeNodes(0, 0);
        TestNode node = nodes.getFirst();
        node.namespace.ip("link", "add", "br-old", "type", "bridge");
        node.namespace.ip("link", "set", "br-old", "up");
        node.namespace.ip("address", "add", "10.244.2.1/24", "dev", "br-old");
        node.namespace.ip("-6", "address", "add", "fd00:10:244:2::1/64", "dev", "br-old", "nodad");

        assertThat(node.faults(OverlayMode.VXLAN))
                .allSatisfy(fault -> assertThat(fault.node()).isEqualTo("node-2"))
                .extracting(NodeFault::text)
                .satisfiesExactlyInAnyOrder(
                        v4 -> assertThat(v4)
                                .contains(
                                        "'10.244.2.0/24 dev br-old proto kernel', made by kernel",
                                        "ip address del 10.244.2.1/24 dev br-old"),
                        v6 -> assertThat(v6)
                                .contains(
                                        "'fd00:10:244:2::/64 dev br-old proto kernel metric 256', made by kernel",
                                        "ip address del fd00:10:244:2::1/64 dev br-old"));
    }

    @Test
    void tunnelWhosePortAnExternalLinkHasCostsOnlyWhatIsTunnelled() {
        makeNodes(0, 0, 1);
        TestNode node = nodes.getFirst();
        node.namespace.ip("link", "add", "cilium_vxlan", "type", "vxlan", "external", "dstport", "8472");
        node.namespace.ip("link", "set", "cilium_vxlan", "up");

        OverlayReconciler.Outcome outcome =
                node.entered.call(() -> node.reconciler.reconcile(node.plan(OverlayMode.AUTO)));

        assertThat(outcome.untunnelled())
                .hasValueSatisfying(reason ->
                        assertThat(reason).contains("UDP port 8472 is in use by the link cilium_vxlan", "Cilium"));
        assertThat(outcome.faults()).extracting(NodeFault::cause).containsExactly(NodeFault.Cause.TUNNEL);
        assertThat(node.namespace.ip("route", "show", "10.244.2.0/24")).contains("via 172.30.0.12");

        node.namespace.ip("link", "delete", "cilium_vxlan");
        reconcileAll(OverlayMode.AUTO);
        assertAllReachEachOther();
    }

    @Test
    void leftoversOfFlannelAndCalicoAreNamedWithTheirLinksAndCostTheirNodesAlone() {
        makeNodes(0, 0, 0);
        TestNode node = nodes.getFirst();
        node.namespace.ip("link", "add", "flannel.1", "type", "vxlan", "id", "1", "dev", "eth0", "dstport", "8472");
        node.namespace.ip("link", "set", "flannel.1", "up");
        node.namespace.ip("route", "add", "10.244.2.0/24", "via", "10.244.2.0", "dev", "flannel.1", "onlink");
        node.namespace.ip("link", "add", "vxlan.calico", "type", "vxlan", "id", "2", "dev", "eth0", "dstport", "4789");
        node.namespace.ip("link", "set", "vxlan.calico", "up");
        node.namespace.ip("route", "add", "10.244.3.64/26", "via", "10.244.3.64", "dev", "vxlan.calico", "onlink");

        assertThat(node.faults(OverlayMode.VXLAN))
                .extracting(NodeFault::text)
                .satisfiesExactlyInAnyOrder(
                        flannel -> assertThat(flannel)
                                .contains(
                                        "pod CIDR 10.244.2.0/24 of node node-2 gets no route",
                                        "which flannel has probably left",
                                        "ip link delete flannel.1"),
                        calico -> assertThat(calico)
                                .contains(
                                        "pod CIDR 10.244.3.0/24 of node node-3 can't be reached as a whole",
                                        "which Calico has probably left",
                                        "ip link delete vxlan.calico"));
        assertThat(node.namespace.ip("route", "show", "10.244.3.0/24")).contains("ikat-vxlan");

        node.namespace.ip("link", "delete", "flannel.1");
        node.namespace.ip("link", "delete", "vxlan.calico");
        reconcileAll(OverlayMode.VXLAN);
        assertAllReachEachOther();
    }

    @Test
    void whatTheKernelSendsWhereIsReadBack() {
        makeNodes(0, 0, 1);
        TestNode node = nodes.getFirst();
        node.reconcile(OverlayMode.AUTO);

        assertThat(RoutesInForce.read(node.netlink, node.object).ways())
                .containsOnly(
                        entry(Cidr.parse("10.244.1.0/24"), Underlay.v4(0, 11).address()),
                        entry(
                                Cidr.parse("fd00:10:244:1::/64"),
                                Underlay.v4(0, 11).address()),
                        entry(Cidr.parse("10.244.2.0/24"), Underlay.v4(0, 12).address()),
                        entry(
                                Cidr.parse("fd00:10:244:2::/64"),
                                Underlay.v6(0, 12).address()),
                        entry(Cidr.parse("10.244.3.0/24"), Underlay.v4(1, 13).address()),
                        entry(
                                Cidr.parse("fd00:10:244:3::/64"),
                                Underlay.v4(1, 13).address()));
    }

    @Test
    void ownersOfRoutesAreNamedAsOnTheHost(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("rt_protos"), "# ours\n0x6c\tfabric\n 012 bird2\nnonsense\n");
        RouteOwners owners = RouteOwners.of(List.of(directory.resolve("none"), file));
        assertThat(List.of(2, 3, 4, 12, 16, 108, 200))
                .map(owners::name)
                .containsExactly("kernel", "boot", "static", "bird2", "dhcp", "fabric", "200");
    }

    @Test
    void interfaceOfSomebodyElseWithTheNameIsReported() {
        makeNodes(0);
        nodes.getFirst().namespace.ip("link", "add", "ikat-vxlan", "type", "bridge");
        assertThatThrownBy(() -> nodes.getFirst().reconcile(OverlayMode.VXLAN))
                .isInstanceOf(ForeignDeviceException.class)
                .hasMessageContaining("but is bridge instead of VXLAN");
    }

    @Test
    void uplinkIsTheInterfaceWithTheNodeAddress() {
        makeNodes(0);
        TestNode node = nodes.getFirst();
        assertThat(UplinkFinder.find(node.netlink, Optional.empty(), node.object, List.of()))
                .map(uplink -> uplink.name().value())
                .contains("eth0");
        Node elsewhere = new Node("x", Labels.NONE, List.of(), List.of(IpAddress.parse("192.0.2.1")));
        assertThat(UplinkFinder.find(node.netlink, Optional.empty(), elsewhere, List.of()))
                .isEmpty();
    }
}
