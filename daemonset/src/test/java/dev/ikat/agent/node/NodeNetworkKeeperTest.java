package dev.ikat.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.KernelWatch;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.LinkChange;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.RouteProtocol;
import dev.ikat.netlink.route.VxlanSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeNetworkKeeperTest extends NodeNetworkKeeperScene {
    @Test
    void nodeWaitsForWhatItIsKnownBy() {
        assertNotYet(Part.NODE, "the cluster's objects are not read yet");
        cluster.with(PEER);
        assertNotYet(Part.NODE, "there is no Node object named a; create it, or correct --node-name");
        cluster.with(node("a", "192.168.0.1"));
        assertNotYet(Part.NODE, "node a has no spec.podCIDRs yet, and --pod-cidrs does not name it");
        cluster.with(node("a", "", "10.244.1.0/24"));
        assertNotYet(Part.NODE, "node a has no status.addresses of type InternalIP yet");
        cluster.with(node("a", "192.168.0.77", "10.244.1.0/24"));
        assertNotYet(Part.NODE, "no interface has an InternalIP of node a [192.168.0.77]");
        assertThat(network.situation()).isEmpty();
        for (Part part : EnumSet.of(Part.GUARD, Part.FORWARDING, Part.OVERLAY, Part.MASQUERADE)) {
            assertNotYet(part, "the node is not known yet");
        }
    }

    @Test
    void nodeDoesNotWaitForObjectsOfOtherKinds() {
        cluster.withNodesAlone(SELF);

        run(Part.NODE);

        assertThat(network.situation()).isPresent();
    }

    @Test
    void uplinkThatIsNamedHasToBeThere() {
        cluster.with(SELF);
        keep("--uplink=eth7");
        assertNotYet(Part.NODE, "there is no interface eth7; correct the node object, or choose another --uplink");
        keep("--uplink=far");
        run(Part.NODE);
        assertThat(network.situation().orElseThrow().uplink().name().value()).isEqualTo("far");
    }

    private static Node behindBgp(String name, int number) {
        return node(name, "10.0.0." + number, "10.244." + number + ".0/24");
    }

    private int index(String link) {
        return netlink.link(new InterfaceName(link)).orElseThrow().index();
    }

    @Test
    void uplinkOfANodeWhoseAddressIsOnLoIsTheLinkByWhichItsPeersAreReached() {
        netlink.execute(Requests.add(Address.of(index("lo"), InterfaceAddress.parse("10.0.0.1/32"))));
        keep("--overlay=auto");
        cluster.with(behindBgp("a", 1), behindBgp("b", 2));
        assertNotYet(Part.NODE, "or it is on lo and no route leads to another node");
        assertThat(keeper.unnoticedDrift()).isEqualTo(KernelWatch.NODE_CHANGE);

        netlink.execute(Requests.add(Route.to(Cidr.parse("10.0.0.2/32"))
                .link(index("eth0"))
                .via(IpAddress.parse("192.168.0.2"))
                .protocol(RouteProtocol.STATIC)));
        run(Part.NODE);

        NodeSituation situation = network.situation().orElseThrow();
        assertThat(situation.uplink().name().value()).isEqualTo("eth0");
        assertThat(situation.overlay().tunnels().getFirst().local()).isEqualTo(IpAddress.parse("10.0.0.1"));
        assertThat(situation.overlay().podMtu()).isEqualTo(1450);
        assertThat(situation.guard().self()).containsExactly(IpAddress.parse("10.0.0.1"));
        assertThat(keeper.unnoticedDrift()).isEmpty();
    }

    @Test
    void uplinkOfASingleNodeWhoseAddressIsOnLoIsTheOneOfTheDefaultRoute() {
        netlink.execute(
                Requests.add(Address.of(index("lo"), InterfaceAddress.parse("10.0.0.1/32"))),
                Requests.add(Route.to(Cidr.all(IpFamily.IPV4))
                        .link(index("eth0"))
                        .via(IpAddress.parse("192.168.0.2"))
                        .protocol(RouteProtocol.BOOT)));
        cluster.with(behindBgp("a", 1));
        run(Part.NODE);
        assertThat(network.situation().orElseThrow().uplink().name().value()).isEqualTo("eth0");
    }

    @Test
    void linkThatFindsNobodyByItsLinkLayerAddressCarriesTunnelsOnly() {
        netlink.execute(Requests.change(LinkChange.of(index("eth0")).noArp()));
        keep("--overlay=auto");
        known();
        assertThat(network.situation().orElseThrow().overlay().tunnels()).isNotEmpty();
        keep("--overlay=direct");
        run(Part.NODE);
        assertThat(faults.all())
                .singleElement()
                .satisfies(fault -> assertThat(fault.text())
                        .contains("eth0, which is point-to-point", "set --overlay to auto or vxlan"));
    }

    @Test
    void situationIsWhatFollowsFromNodesAndUplink() {
        known();
        assertThat(run(Part.NODE)).isZero();
        NodeSituation situation = network.situation().orElseThrow();
        assertThat(situation.self()).isEqualTo(SELF);
        assertThat(situation.uplink().name().value()).isEqualTo("eth0");
        assertThat(situation.overlay().podMtu()).isEqualTo(1500);
        assertThat(network.nodePlan()).isPresent();
    }

    @Test
    void nodeWhoseBlockIsAnOldersGivesNoAddresses() {
        Node older = new Node(
                "b",
                Labels.NONE,
                SELF.podCidrs(),
                PEER.internalIps(),
                Optional.of(Instant.parse("2025-01-01T00:00:00Z")));
        Node self = new Node(
                "a",
                Labels.NONE,
                SELF.podCidrs(),
                SELF.internalIps(),
                Optional.of(Instant.parse("2026-01-01T00:00:00Z")));
        cluster.with(self, older);
        assertNotYet(Part.NODE, "this node assigns no addresses to pods: ");
        assertThat(faults.all()).extracting(NodeFault::cause).contains(NodeFault.Cause.BLOCK_CLAIMED);
    }

    @Test
    void sourcesAreGuardedByTheChosenDataplaneAndNotTwice() {
        known();
        assertThat(run(Part.GUARD)).isEqualTo(1);
        assertThat(run(Part.GUARD)).isZero();
        assertThat(kernel.guard("nftables").orElseThrow().pods()).containsExactly(Cidr.parse("10.244.1.0/24"));
        assertThat(kernel.kinds(Capability.GUARD)).containsExactly("nftables");
    }

    @Test
    void otherDataplaneGuardsBeforeTheFormerEndsTo() {
        known();
        run(Part.GUARD);
        run(Part.MASQUERADE);
        dataplanes.choose(Backend.IPTABLES);
        run(Part.GUARD);
        run(Part.MASQUERADE);
        assertThat(kernel.steps())
                .containsExactly(
                        "nftables guard",
                        "nftables masquerade",
                        "iptables guard",
                        "nftables remove guard",
                        "iptables masquerade",
                        "nftables remove masquerade");
    }

    @Test
    void formerGuardsOnWhereTheOtherIsRefused() {
        known();
        run(Part.GUARD);
        dataplanes.choose(Backend.IPTABLES);
        kernel.refuse("iptables", "no memory");
        assertThatThrownBy(() -> run(Part.GUARD))
                .isInstanceOf(PolicyBackendException.class)
                .hasMessage("no memory");
        assertThat(kernel.kinds(Capability.GUARD)).containsExactly("nftables");
        kernel.accept("iptables");
        assertThat(run(Part.GUARD)).isEqualTo(1);
        assertThat(kernel.kinds(Capability.GUARD)).containsExactly("iptables");
    }

    @Test
    void besideEbpfWhatTheHostHasGuards() {
        dataplanes.choose(Backend.EBPF);
        nftables.missing("libnftables is not installed");
        known();
        run(Part.GUARD);
        run(Part.MASQUERADE);
        assertThat(kernel.kinds(Capability.GUARD)).containsExactly("iptables");
        assertThat(kernel.kinds(Capability.MASQUERADE)).containsExactly("iptables");
    }

    private static Node dualStack(String name, int number) {
        return new Node(
                name,
                Labels.NONE,
                List.of(Cidr.parse("10.244." + number + ".0/24"), Cidr.parse("fd00:244:" + number + "::/64")),
                List.of(IpAddress.parse("192.168.0." + number), IpAddress.parse("fd00::" + number)));
    }

    @Test
    void kernelWithoutIpv6GivesIpv4AndSaysSo() {
        cluster.with(dualStack("a", 1), dualStack("b", 2));
        run(Part.NODE);
        run(Part.FORWARDING);
        run(Part.OVERLAY);

        assertThat(network.nodePlan().orElseThrow().families()).containsExactly(IpFamily.IPV4);
        assertThat(routes()).containsExactly("10.244.1.0/24", "10.244.1.0/32", "10.244.2.0/24 via 192.168.0.2");
        assertThat(netlink.routes(IpFamily.IPV6, RouteFilter.ALL)).isEmpty();
        assertThat(faults.all()).singleElement().satisfies(fault -> {
            assertThat(fault.node()).isEqualTo("a");
            assertThat(fault.cause()).isEqualTo(NodeFault.Cause.FAMILY);
            assertThat(fault.text()).contains("fd00:244:1::/64", "ipv6.disable=1");
        });
    }

    @Test
    void nodeThatHasNothingButIpv6IsNotReadyOnAKernelWithout() {
        cluster.with(new Node(
                "a", Labels.NONE, List.of(Cidr.parse("fd00:244:1::/64")), List.of(IpAddress.parse("192.168.0.1"))));
        assertNotYet(Part.NODE, "its kernel has no IPv6");
    }

    @Test
    void uplinkTooSmallForIpv6InItsTunnelsLeavesItOut() {
        parameters.with("net/ipv6/conf/all/disable_ipv6", "0").with("net/ipv6/conf/all/forwarding", "0");
        netlink.execute(Requests.change(LinkChange.of(
                        netlink.link(new InterfaceName("eth0")).orElseThrow().index())
                .mtu(1329)));
        keep("--overlay=vxlan");
        cluster.with(dualStack("a", 1), dualStack("b", 2));
        run(Part.NODE);

        assertThat(network.nodePlan().orElseThrow().families()).containsExactly(IpFamily.IPV4);
        assertThat(network.situation().orElseThrow().overlay().podMtu()).isEqualTo(1279);
        assertThat(network.situation().orElseThrow().families()).contains(IpFamily.IPV6);
        assertThat(faults.all()).singleElement().satisfies(fault -> {
            assertThat(fault.cause()).isEqualTo(NodeFault.Cause.MTU);
            assertThat(fault.text()).contains("eth0 from 1329 to at least 1330");
        });
    }

    @Test
    void packetsAreForwardedOfTheFamiliesThatPodsHave() {
        known();
        assertThat(run(Part.FORWARDING)).isEqualTo(1);
        assertThat(parameters.read("net/ipv4/ip_forward")).isEqualTo("1");
        assertThat(run(Part.FORWARDING)).isZero();
    }

    @Test
    void routesLeadToTheOtherNodesPods() {
        known();
        assertThat(run(Part.OVERLAY)).isEqualTo(3);
        assertThat(routes()).containsExactly("10.244.1.0/24", "10.244.1.0/32", "10.244.2.0/24 via 192.168.0.2");
        assertThat(run(Part.OVERLAY)).isZero();
        assertThat(faults.all()).isEmpty();
    }

    @Test
    void routeThatTheKernelRefusesIsAFaultOfItsNodeAndLookedAtAgain() {
        known();
        netlink.refuse("add route 10.244.2.0/24", Errno.EEXIST);
        run(Part.OVERLAY);
        assertThat(faults.all()).singleElement().satisfies(fault -> {
            assertThat(fault.node()).isEqualTo("b");
            assertThat(fault.cause()).isEqualTo(NodeFault.Cause.ROUTE);
        });
        run(Part.GUARD);
        nanos.addAndGet(Duration.ofSeconds(5).toNanos());
        assertThat(keeper.unnoticedDrift()).isEmpty();
        nanos.addAndGet(1);
        assertThat(keeper.unnoticedDrift()).containsExactly(Part.OVERLAY);

        netlink.refuseNothing();
        assertThat(run(Part.OVERLAY)).isEqualTo(1);
        assertThat(faults.all()).isEmpty();
        assertThat(keeper.unnoticedDrift()).isEmpty();
    }

    @Test
    void podsAreHiddenFromWhatIsOutsideTheCluster() {
        known();
        assertThat(run(Part.MASQUERADE)).isEqualTo(1);
        assertThat(run(Part.MASQUERADE)).isZero();
        assertThat(kernel.masquerade("nftables").orElseThrow().clusterCidrs())
                .containsExactlyInAnyOrder(Cidr.parse("10.244.1.0/24"), Cidr.parse("10.244.2.0/24"));
    }

    @Test
    void whatAnAgentThatMasqueradedLeftIsRemoved() {
        known();
        run(Part.MASQUERADE);
        keep("--overlay=direct", "--masquerade=false");
        assertThat(run(Part.MASQUERADE)).isZero();
        assertThat(run(Part.MASQUERADE)).isZero();
        assertThat(kernel.kinds(Capability.MASQUERADE)).isEmpty();
    }

    @Test
    void whatSomebodyFlushedIsNoticed() {
        assertThat(keeper.unnoticedDrift()).isEmpty();
        known();
        run(Part.GUARD);
        assertThat(keeper.unnoticedDrift()).isEmpty();
        kernel.flush("nftables");
        assertThat(keeper.unnoticedDrift()).containsExactlyInAnyOrder(Part.GUARD, Part.MASQUERADE, Part.POLICY);
        assertThat(run(Part.GUARD)).isEqualTo(1);
    }

    @Test
    void somebodyHasToLookWhereTheKernelDoesNotTell() {
        assertThat(keeper.isUnwatched()).isFalse();
        known();
        run(Part.GUARD);
        assertThat(keeper.isUnwatched()).isFalse();
        dataplanes.choose(Backend.IPTABLES);
        run(Part.GUARD);
        assertThat(keeper.isUnwatched()).isTrue();
    }

    @Test
    void whatIsInTheTunnelsWayIsNamedAndCostsNoPathWithoutTunnel() {
        keep("--overlay=auto");
        cluster.with(SELF, PEER, node("c", "172.16.0.3", "10.244.3.0/24"));
        run(Part.NODE);
        netlink.execute(Requests.create(VxlanSpec.of(new InterfaceName("cilium_vxlan"), 2, 8472)));
        netlink.refuse("create vxlan", Errno.EADDRINUSE);

        String reason =
                "nothing can be tunnelled over IPv4, because UDP port 8472 is in use by the link cilium_vxlan, which"
                        + " Cilium has probably left; remove it: ip link delete cilium_vxlan"
                        + " ('ikat-agent migrate --from cilium --check' lists all that it left)";
        assertNotYet(Part.OVERLAY, reason);

        assertThat(faults.all())
                .singleElement()
                .returns(NodeFault.Cause.TUNNEL, NodeFault::cause)
                .returns(reason, NodeFault::text);
        assertThat(routes()).containsExactly("10.244.1.0/24", "10.244.1.0/32", "10.244.2.0/24 via 192.168.0.2");
        nanos.addAndGet(Duration.ofSeconds(6).toNanos());
        assertThat(keeper.unnoticedDrift()).contains(Part.OVERLAY);
    }

    @Test
    void programThatHasTheTunnelsPortIsFoundByACommand() {
        keep("--overlay=vxlan");
        known();
        netlink.refuse("create vxlan", Errno.EADDRINUSE);
        assertNotYet(Part.OVERLAY, "UDP port 8472 is in use by another program, which 'ss -lunp sport = :8472' shows");
    }
}
