package dev.ikat.agent.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.policy.Labels;
import dev.ikat.policy.Node;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OverlayPlannerTest {
    private static final Uplink UPLINK = new Uplink(
            3,
            new InterfaceName("eth0"),
            1500,
            List.of(InterfaceAddress.parse("192.168.0.1/24"), InterfaceAddress.parse("fd00::1/64")));
    private static final Node SELF = node("a", List.of("192.168.0.1", "fd00::1"), "10.244.1.0/24", "fd00:244:1::/64");

    private static Node node(String name, List<String> addresses, String... podCidrs) {
        return new Node(
                name,
                Labels.NONE,
                Stream.of(podCidrs).map(Cidr::parse).toList(),
                addresses.stream().map(IpAddress::parse).toList());
    }

    private static OverlayState plan(OverlayMode mode, Node... peers) {
        return plan(mode, 0, peers);
    }

    private static OverlayState plan(OverlayMode mode, int mtu, Node... peers) {
        return OverlayPlanner.plan(new OverlaySettings(mode, 4796, 8472, mtu, true), SELF, List.of(peers), UPLINK);
    }

    private static OverlayRoute tunnelled(String cidr) {
        return new OverlayRoute.Tunnelled(Cidr.parse(cidr), Cidr.parse(cidr).network());
    }

    private static OverlayRoute direct(String cidr, String via) {
        return new OverlayRoute.Direct(Cidr.parse(cidr), IpAddress.parse(via), 3);
    }

    private static OverlayRoute unreachable(String cidr) {
        return new OverlayRoute.Unreachable(Cidr.parse(cidr));
    }

    @Test
    void vxlanGivesEveryPeerForwardingNeighboursAndRoutes() {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                SELF,
                node("b", List.of("192.168.0.2", "fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"));

        MacAddress mac = MacAddress.parse("0e:6b:c0:a8:00:02");
        assertThat(state.tunnel())
                .contains(new OverlayState.Tunnel(
                        4796, 8472, IpAddress.parse("192.168.0.1"), MacAddress.parse("0e:6b:c0:a8:00:01"), 1450, true));
        assertThat(state.tunnelAddresses())
                .containsExactlyInAnyOrder(IpAddress.parse("10.244.1.0"), IpAddress.parse("fd00:244:1::"));
        assertThat(state.forwarding()).isEqualTo(Map.of(mac, IpAddress.parse("192.168.0.2")));
        assertThat(state.neighbours())
                .isEqualTo(Map.of(IpAddress.parse("10.244.2.0"), mac, IpAddress.parse("fd00:244:2::"), mac));
        assertThat(state.routes())
                .containsExactlyInAnyOrder(
                        tunnelled("10.244.2.0/24"),
                        tunnelled("fd00:244:2::/64"),
                        unreachable("10.244.1.0/24"),
                        unreachable("fd00:244:1::/64"));
        assertThat(state.podMtu()).isEqualTo(1450);
        assertThat(state.faults()).isEmpty();
    }

    @Test
    void directRoutesGoThroughTheNodeAddressOfTheSameFamily() {
        OverlayState state = plan(
                OverlayMode.DIRECT, node("b", List.of("192.168.0.2", "fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"));

        assertThat(state.tunnel()).isEmpty();
        assertThat(state.routes())
                .contains(direct("10.244.2.0/24", "192.168.0.2"), direct("fd00:244:2::/64", "fd00::2"));
        assertThat(state.podMtu()).isEqualTo(1500);
    }

    @Test
    void autoIsDirectOnTheLinkAndTunnelsAcrossRouters() {
        OverlayState state = plan(
                OverlayMode.AUTO,
                node("b", List.of("192.168.0.2"), "10.244.2.0/24", "fd00:244:2::/64"),
                node("c", List.of("192.168.9.3"), "10.244.3.0/24"));

        assertThat(state.routes())
                .contains(
                        direct("10.244.2.0/24", "192.168.0.2"),
                        tunnelled("fd00:244:2::/64"),
                        tunnelled("10.244.3.0/24"));
        assertThat(state.podMtu()).isEqualTo(1450);
    }

    @Test
    void autoMakesNoTunnelWhereAllAreOnOneLinkButKeepsItsMtu() {
        OverlayState state = plan(OverlayMode.AUTO, node("b", List.of("192.168.0.2"), "10.244.2.0/24"));
        assertThat(state.tunnel()).isEmpty();
        assertThat(state.tunnelAddresses()).isEmpty();
        assertThat(state.podMtu()).isEqualTo(1450);
    }

    @Test
    void noneLeavesPeersToOthers() {
        OverlayState state = plan(OverlayMode.NONE, node("b", List.of("192.168.0.2"), "10.244.2.0/24"));
        assertThat(state.routes()).isEqualTo(Set.of(unreachable("10.244.1.0/24"), unreachable("fd00:244:1::/64")));
        assertThat(state.tunnel()).isEmpty();
    }

    @Test
    void peerOutOfReachOfDirectRoutesIsAFaultAndCostsNobodyElse() {
        OverlayState state = plan(
                OverlayMode.DIRECT,
                node("b", List.of("192.168.9.2"), "10.244.2.0/24"),
                node("c", List.of("192.168.0.3"), "10.244.3.0/24"));
        assertThat(state.routes()).contains(direct("10.244.3.0/24", "192.168.0.3"));
        assertThat(state.faults()).singleElement().asString().contains("node b", "not on the link", "auto or vxlan");
    }

    @Test
    void overlappingBlocksGoToTheFirstNodeByName() {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                node("c", List.of("192.168.0.3"), "10.244.2.0/25"),
                node("b", List.of("192.168.0.2"), "10.244.2.0/24"),
                node("d", List.of("192.168.0.4"), "10.244.1.0/24"));
        assertThat(state.routes())
                .containsExactlyInAnyOrder(
                        tunnelled("10.244.2.0/24"), unreachable("10.244.1.0/24"), unreachable("fd00:244:1::/64"));
        assertThat(state.faults())
                .hasSize(2)
                .anyMatch(f -> f.contains("of node c overlaps one of node b"))
                .anyMatch(f -> f.contains("of node d overlaps one of node a"));
    }

    @Test
    void peersWithoutUsableAddressAreFaults() {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of(), "10.244.2.0/24"),
                node("c", List.of("192.168.0.1"), "10.244.3.0/24"));
        assertThat(state.forwarding()).isEmpty();
        assertThat(state.faults())
                .anyMatch(f -> f.contains("node b has no IPV4 InternalIP"))
                .anyMatch(f -> f.contains("node c has this node's address 192.168.0.1"));
    }

    @Test
    void nodeReachedByIpv6TunnelsOverIpv6() {
        Node self = node("a", List.of("fd00::1"), "10.244.1.0/24");
        OverlayState state = OverlayPlanner.plan(
                new OverlaySettings(OverlayMode.VXLAN, 4796, 8472, 0, true),
                self,
                List.of(node("b", List.of("fd00::2"), "10.244.2.0/24")),
                UPLINK);
        assertThat(state.podMtu()).isEqualTo(1430);
        assertThat(state.forwarding()).containsValue(IpAddress.parse("fd00::2"));
        assertThat(state.forwarding().keySet()).allMatch(mac -> mac.toString().startsWith("0a:"));
    }

    @Test
    void mtuThatDoesNotFitIsAFault() {
        assertThat(plan(OverlayMode.VXLAN, 1500).faults())
                .singleElement()
                .asString()
                .contains("at most 1450");
        assertThat(plan(OverlayMode.VXLAN, 1200).faults())
                .singleElement()
                .asString()
                .contains("minimum of 1280");
    }

    @Test
    void tunnelAddressesDifferAndAreLocalUnicast() {
        MacAddress first = TunnelAddress.of(IpAddress.parse("fd00::1"));
        MacAddress second = TunnelAddress.of(IpAddress.parse("fd00::2"));
        assertThat(first).isNotEqualTo(second);
        assertThat(first.toBytes()[0] & 3)
                .as("locally administered, not a group")
                .isEqualTo(2);
        assertThat(TunnelAddress.of(IpAddress.parse("255.255.255.255")))
                .isEqualTo(MacAddress.parse("0e:6b:ff:ff:ff:ff"));
    }
}
