package dev.ikat.agent.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.dataplane.GuardState;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class GuardPlannerTest {
    private static final Uplink UPLINK = new Uplink(
            3,
            new InterfaceName("eth0"),
            1500,
            List.of(InterfaceAddress.parse("192.168.0.1/24"), InterfaceAddress.parse("fd00::1/64")));
    private static final Node SELF =
            node("a", List.of("192.168.0.1", "fd00::1", "203.0.113.1"), "10.244.1.0/24", "fd00:244:1::/64");

    private static Node node(String name, List<String> addresses, String... podCidrs) {
        return new Node(
                name,
                Labels.NONE,
                Stream.of(podCidrs).map(Cidr::parse).toList(),
                addresses.stream().map(IpAddress::parse).toList());
    }

    private static GuardState plan(OverlayMode mode, Node... peers) {
        OverlaySettings settings = new OverlaySettings(mode, 4796, 8472, 0, true);
        OverlayState overlay = OverlayPlanner.plan(settings, SELF, List.of(peers), UPLINK, Set.of(), InForce.NOTHING);
        return GuardPlanner.plan(settings, SELF, List.of(peers), UPLINK, overlay, true);
    }

    private static Set<Cidr> cidrs(String... texts) {
        return Stream.of(texts).map(Cidr::parse).collect(Collectors.toSet());
    }

    private static Set<IpAddress> addresses(String... texts) {
        return Stream.of(texts).map(IpAddress::parse).collect(Collectors.toSet());
    }

    @Test
    void peersAreBelievedFromAllTheirAddressesAndInTheTunnel() {
        GuardState state = plan(
                OverlayMode.VXLAN, node("b", List.of("192.168.0.2", "fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"));

        assertThat(state.tunnel()).contains(new GuardState.Tunnel(8472, 4796));
        assertThat(state.peers())
                .containsExactly(new GuardState.Peer(
                        addresses("192.168.0.2", "fd00::2"), cidrs("10.244.2.0/24", "fd00:244:2::/64"), Set.of()));
        assertThat(state.pods()).isEqualTo(cidrs("10.244.1.0/24", "fd00:244:1::/64"));
        assertThat(state.nodeAddresses())
                .isEqualTo(addresses(
                        "192.168.0.1",
                        "fd00::1",
                        "203.0.113.1",
                        "10.244.1.0",
                        "fd00:244:1::",
                        "192.168.0.2",
                        "fd00::2",
                        "10.244.2.0",
                        "fd00:244:2::"));
    }

    @Test
    void anAddressThatTheUplinkDoesNotCarryMayComeFromOutside() {
        assertThat(plan(OverlayMode.VXLAN).self()).isEqualTo(addresses("192.168.0.1", "fd00::1"));
    }

    @Test
    void autoBelievesEachNodeOnItsOwnWay() {
        GuardState state = plan(
                OverlayMode.AUTO,
                node("near", List.of("192.168.0.2"), "10.244.2.0/24"),
                node("far", List.of("192.168.9.2"), "10.244.3.0/24"));

        assertThat(state.peers())
                .containsExactlyInAnyOrder(
                        new GuardState.Peer(addresses("192.168.0.2"), Set.of(), cidrs("10.244.2.0/24")),
                        new GuardState.Peer(addresses("192.168.9.2"), cidrs("10.244.3.0/24"), Set.of()));
    }

    @Test
    void podsSendNothingToTheTunnelPortOfAddressesThatAnswerForANodesBlock() {
        assertThat(plan(OverlayMode.AUTO, node("near", List.of("192.168.0.2"), "10.244.2.0/24"))
                        .nodeAddresses())
                .contains(IpAddress.parse("10.244.1.0"), IpAddress.parse("10.244.2.0"));
    }

    @Test
    void directAndNoneHaveNoTunnels() {
        Node peer = node("b", List.of("192.168.0.2"), "10.244.2.0/24");

        assertThat(plan(OverlayMode.DIRECT, peer).tunnel()).isEmpty();
        assertThat(plan(OverlayMode.DIRECT, peer).peers())
                .containsExactly(new GuardState.Peer(addresses("192.168.0.2"), Set.of(), cidrs("10.244.2.0/24")));
        assertThat(plan(OverlayMode.NONE, peer).tunnel()).isEmpty();
        assertThat(plan(OverlayMode.NONE, peer).peers()).isEmpty();
    }

    @Test
    void whoClaimsAnothersBlockIsNotBelieved() {
        GuardState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of("192.168.0.2"), "10.244.2.0/24"),
                node("c", List.of("192.168.0.3"), "10.244.2.0/24"));

        assertThat(state.peers())
                .containsExactly(new GuardState.Peer(addresses("192.168.0.2"), cidrs("10.244.2.0/24"), Set.of()));
    }

    @Test
    void aBlockWithNodesInItShutsNobodyOut() {
        GuardState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of("192.168.0.2"), "192.168.0.0/24"),
                node("c", List.of("172.16.0.3"), "172.16.0.0/16"),
                node("d", List.of("192.168.0.4"), "192.168.0.128/25"));

        assertThat(state.peers()).isEmpty();
    }
}
