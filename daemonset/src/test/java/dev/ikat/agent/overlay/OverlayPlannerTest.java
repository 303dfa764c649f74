package dev.ikat.agent.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.overlay.NodeFault.Cause;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        return OverlayPlanner.plan(
                new OverlaySettings(mode, 4796, 8472, mtu, true),
                SELF,
                List.of(peers),
                UPLINK,
                Set.of(IpAddress.parse("10.96.0.1")),
                InForce.NOTHING);
    }

    /** What follows where something is in force already. */
    private static OverlayState plan(InForce inForce, Node self, Node... peers) {
        return OverlayPlanner.plan(
                new OverlaySettings(OverlayMode.VXLAN, 4796, 8472, 0, true),
                self,
                List.of(peers),
                UPLINK,
                Set.of(),
                inForce);
    }

    private static Node made(String time, Node node) {
        return new Node(
                node.name(), node.labels(), node.podCidrs(), node.internalIps(), Optional.of(Instant.parse(time)));
    }

    private static final String EARLY = "2025-01-01T00:00:00Z";
    private static final String LATE = "2026-01-01T00:00:00Z";

    private static List<String> blocksOf(OverlayState state, String node) {
        return state.peers().stream()
                .filter(peer -> peer.node().equals(node))
                .flatMap(peer -> peer.routes().stream())
                .map(route -> route.destination().toString())
                .sorted()
                .toList();
    }

    private static String onlyFault(OverlayState state, String node, Cause cause) {
        assertThat(state.faults())
                .singleElement()
                .returns(node, NodeFault::node)
                .returns(cause, NodeFault::cause);
        return state.faults().getFirst().text();
    }

    private static OverlayRoute tunnelled(String cidr) {
        return tunnelled(cidr, IpFamily.IPV4);
    }

    private static OverlayRoute tunnelled(String cidr, IpFamily underlay) {
        return new OverlayRoute.Tunnelled(Cidr.parse(cidr), Cidr.parse(cidr).network(), underlay);
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
        assertThat(state.tunnels())
                .containsExactly(new OverlayState.Tunnel(
                        new InterfaceName("ikat-vxlan"),
                        4796,
                        8472,
                        IpAddress.parse("192.168.0.1"),
                        MacAddress.parse("0e:6b:c0:a8:00:01"),
                        1450,
                        true));
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

        assertThat(state.tunnels()).isEmpty();
        assertThat(state.routes())
                .contains(direct("10.244.2.0/24", "192.168.0.2"), direct("fd00:244:2::/64", "fd00::2"));
        assertThat(state.podMtu()).isEqualTo(1500);
    }

    private static Set<String> answering(OverlayMode mode, Node... peers) {
        return plan(mode, peers).answering().stream().map(IpAddress::toString).collect(Collectors.toSet());
    }

    @Test
    void nodeAnswersForItsBlocksInTheFamiliesInWhichItIsReachedDirectly() {
        Node dual = node("b", List.of("192.168.0.2", "fd00::2"), "10.244.2.0/24", "fd00:244:2::/64");
        Node single = node("b", List.of("192.168.0.2"), "10.244.2.0/24", "fd00:244:2::/64");
        assertThat(answering(OverlayMode.DIRECT, dual)).containsExactlyInAnyOrder("10.244.1.0", "fd00:244:1::");
        assertThat(answering(OverlayMode.AUTO, single)).containsExactly("10.244.1.0");
        assertThat(answering(OverlayMode.VXLAN, dual))
                .as("the tunnel link has them")
                .isEmpty();
        assertThat(answering(OverlayMode.NONE, dual)).isEmpty();
        assertThat(answering(OverlayMode.DIRECT)).as("nobody asks").isEmpty();
    }

    @Test
    void blockThatReservesNoAddressHasNoneThatAnswers() {
        assertThat(answeringOf("10.244.1.0/31")).isEmpty();
        assertThat(answeringOf("10.244.1.0/30")).containsExactly(IpAddress.parse("10.244.1.0"));
    }

    private static Set<IpAddress> answeringOf(String block) {
        return OverlayPlanner.plan(
                        new OverlaySettings(OverlayMode.DIRECT, 4796, 8472, 0, true),
                        node("a", List.of("192.168.0.1"), block),
                        List.of(node("b", List.of("192.168.0.2"), "10.244.2.0/24")),
                        UPLINK,
                        Set.of(),
                        InForce.NOTHING)
                .answering();
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
        assertThat(state.tunnels()).isEmpty();
        assertThat(state.tunnelAddresses()).isEmpty();
        assertThat(state.podMtu()).isEqualTo(1450);
    }

    @Test
    void bgpLeavesRoutesOnTheLinkToBgpAndTunnelsAcrossRouters() {
        OverlayState state = plan(
                OverlayMode.BGP,
                node("b", List.of("192.168.0.2"), "10.244.2.0/24"),
                node("c", List.of("192.168.9.3"), "10.244.3.0/24"));

        assertThat(state.routes())
                .contains(tunnelled("10.244.3.0/24"))
                .noneMatch(route -> route.destination().equals(Cidr.parse("10.244.2.0/24")));
        assertThat(state.peers().getFirst().routes())
                .as("how its packets come")
                .containsExactly(direct("10.244.2.0/24", "192.168.0.2"));
        assertThat(state.answering()).containsExactly(IpAddress.parse("10.244.1.0"));
        assertThat(state.podMtu()).isEqualTo(1450);
    }

    @Test
    void noneLeavesPeersToOthers() {
        OverlayState state = plan(OverlayMode.NONE, node("b", List.of("192.168.0.2"), "10.244.2.0/24"));
        assertThat(state.routes()).isEqualTo(Set.of(unreachable("10.244.1.0/24"), unreachable("fd00:244:1::/64")));
        assertThat(state.tunnels()).isEmpty();
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
    void overlappingBlocksGoToTheFirstNodeByNameWhereNothingElseTells() {
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
                .anyMatch(f -> f.text().contains("of node c overlaps 10.244.2.0/24 of node b"))
                .anyMatch(f -> f.text().contains("of node d overlaps 10.244.1.0/24 of node a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.244.2.0/24", "10.244.0.0/16", "10.244.2.128/25"})
    void blockStaysWithTheNodeThatWasMadeFirstWhateverTheNames(String claimed) {
        Node self = made(EARLY, SELF);
        Node old = made(EARLY, node("n", List.of("192.168.0.2"), "10.244.2.0/24"));
        for (String name : List.of("aa", "z")) {
            OverlayState state =
                    plan(InForce.NOTHING, self, old, made(LATE, node(name, List.of("192.168.0.9"), claimed)));

            assertThat(blocksOf(state, "n")).containsExactly("10.244.2.0/24");
            assertThat(blocksOf(state, name)).isEmpty();
            assertThat(state.forwarding()).containsOnlyKeys(MacAddress.parse("0e:6b:c0:a8:00:02"));
            assertThat(onlyFault(state, name, Cause.BLOCK_CLAIMED)).contains(claimed, "had it first");
        }
    }

    @Test
    void nodeThatClaimsThisNodesBlockLaterGetsNothing() {
        OverlayState state = plan(
                InForce.NOTHING,
                made(EARLY, SELF),
                made(LATE, node("0", List.of("192.168.0.9"), "10.244.1.0/24", "fd00:244:9::/64")));

        assertThat(state.refusal()).isEmpty();
        assertThat(state.routes()).contains(unreachable("10.244.1.0/24")).doesNotContain(tunnelled("10.244.1.0/24"));
        assertThat(blocksOf(state, "0")).as("the other block is nobody else's").containsExactly("fd00:244:9::/64");
        assertThat(onlyFault(state, "0", Cause.BLOCK_CLAIMED)).contains("of node a");
    }

    @Test
    void thisNodeIsRefusedWhereItIsTheNewcomerAndSendsToTheOneThatHasTheBlock() {
        OverlayState state = plan(
                InForce.NOTHING, made(LATE, SELF), made(EARLY, node("z", List.of("192.168.0.9"), "10.244.1.0/24")));

        assertThat(state.refusal())
                .hasValueSatisfying(reason -> assertThat(reason)
                        .contains("pod CIDR 10.244.1.0/24 of node a overlaps 10.244.1.0/24 of node z"));
        assertThat(state.routes())
                .containsExactlyInAnyOrder(tunnelled("10.244.1.0/24"), unreachable("fd00:244:1::/64"));
        assertThat(state.tunnelAddresses()).containsExactly(IpAddress.parse("fd00:244:1::"));
        assertThat(state.ownBlocks()).as("its running pods are masqueraded on").contains(Cidr.parse("10.244.1.0/24"));
    }

    @Test
    void internalIpStaysWithTheNodeThatWasMadeFirst() {
        OverlayState state = plan(
                InForce.NOTHING,
                made(EARLY, SELF),
                made(EARLY, node("n", List.of("192.168.0.2"), "10.244.2.0/24")),
                made(LATE, node("aa", List.of("192.168.0.2"), "10.244.3.0/24")),
                made(LATE, node("ab", List.of("192.168.0.1"), "10.244.4.0/24")),
                made(LATE, node("ac", List.of("10.244.2.7"), "10.244.5.0/24")));

        assertThat(state.forwarding()).containsOnlyKeys(MacAddress.parse("0e:6b:c0:a8:00:02"));
        assertThat(state.routes())
                .containsExactlyInAnyOrder(
                        tunnelled("10.244.2.0/24"), unreachable("10.244.1.0/24"), unreachable("fd00:244:1::/64"));
        assertThat(state.faults())
                .allMatch(fault -> fault.cause() == Cause.ADDRESS_CLAIMED)
                .extracting(NodeFault::node)
                .containsExactlyInAnyOrder("aa", "ab", "ac");
    }

    @Test
    void thisNodeIsRefusedWhereItsAddressIsAnOlderNodes() {
        OverlayState state = plan(
                InForce.NOTHING,
                made(LATE, SELF),
                made(EARLY, node("n", List.of("192.168.0.1"), "10.244.2.0/24")),
                made(EARLY, node("m", List.of("192.168.0.3"), "10.244.3.0/24")));

        assertThat(state.refusal())
                .hasValueSatisfying(
                        reason -> assertThat(reason).contains("InternalIP 192.168.0.1 of node a is that of node n"));
        assertThat(blocksOf(state, "n")).as("it would end here").isEmpty();
        assertThat(blocksOf(state, "m")).containsExactly("10.244.3.0/24");
    }

    @Test
    void nodesOfOneMomentAreToldApartByWhatIsInForce() {
        for (boolean dated : List.of(true, false)) {
            Node has = node("z", List.of("192.168.0.2"), "10.244.2.0/24");
            Node claims = node("b", List.of("192.168.0.9"), "10.244.2.0/24");
            InForce first = plan(InForce.NOTHING, SELF, has).inForce();
            InForce kernel = InForce.ofRoutes(Map.of(Cidr.parse("10.244.2.0/24"), IpAddress.parse("192.168.0.2")));
            for (InForce inForce : List.of(first, kernel)) {
                OverlayState state = dated
                        ? plan(inForce, made(EARLY, SELF), made(EARLY, has), made(EARLY, claims))
                        : plan(inForce, SELF, has, claims);

                assertThat(blocksOf(state, "z")).containsExactly("10.244.2.0/24");
                assertThat(onlyFault(state, "b", Cause.BLOCK_CLAIMED)).contains("of node z");
            }
        }
    }

    @Test
    void objectThatIsMadeAgainWhileItsBlockIsInForceIsNoNewcomer() {
        Node self = made(EARLY, SELF);
        Node node = node("n", List.of("192.168.0.2"), "10.244.2.0/24");
        Node claims = made("2025-06-01T00:00:00Z", node("b", List.of("192.168.0.9"), "10.244.2.0/24"));
        OverlayState before = plan(InForce.NOTHING, self, made(EARLY, node), claims);

        OverlayState after = plan(before.inForce(), self, made(LATE, node), claims);
        assertThat(blocksOf(after, "n")).containsExactly("10.244.2.0/24");
        assertThat(blocksOf(plan(after.inForce(), self, made(LATE, node), claims), "n"))
                .as("and stays none")
                .containsExactly("10.244.2.0/24");
        assertThat(blocksOf(plan(after.inForce(), self, claims), "b"))
                .as("a node that is gone has nothing")
                .containsExactly("10.244.2.0/24");
    }

    @ParameterizedTest
    @CsvSource({
        "0.0.0.0/0, 127.0.0.0/8", "192.168.0.0/24, the network 192.168.0.0/24 that eth0 is in",
        "192.0.0.0/8, the network 192.168.0.0/24 that eth0 is in", "192.168.0.2/32, InternalIP 192.168.0.2 of node b",
        "192.168.0.0/30, InternalIP 192.168.0.1 of node a", "10.96.0.0/16, 'the address of the API server, 10.96.0.1'",
        "fd00::/64, the network fd00::/64 that eth0 is in", "fe80::/64, fe80::/10"
    })
    void blockWithAddressesThatAreNoPodsIsThatNodesFaultAlone(String block, String what) {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of("192.168.0.2"), "10.244.2.0/24"),
                node("bad", List.of("192.168.0.66"), block));

        assertThat(state.routes()).contains(tunnelled("10.244.2.0/24")).doesNotContain(tunnelled(block));
        assertThat(state.clusterBlocks()).doesNotContain(Cidr.parse(block));
        assertThat(onlyFault(state, "bad", Cause.BLOCK_IN_USE)).contains(what);
        assertThat(state.refusal()).isEmpty();
    }

    @Test
    void ownBlockWithAddressesThatAreNoPodsIsThisNodesFault() {
        OverlayState state = plan(
                InForce.NOTHING,
                node("a", List.of("192.168.0.1"), "192.168.0.0/16"),
                node("b", List.of("192.168.0.2"), "10.244.2.0/24"));

        assertThat(state.refusal())
                .hasValueSatisfying(reason -> assertThat(reason)
                        .contains(
                                "pod CIDR 192.168.0.0/16 of node a holds the network 192.168.0.0/24 that eth0 is in"));
        assertThat(state.routes()).containsExactly(tunnelled("10.244.2.0/24"));
        assertThat(state.ownBlocks()).isEmpty();
    }

    @Test
    void partOfTheNodesNetworkThatNobodyIsInMayBePods() {
        OverlayState state = plan(OverlayMode.VXLAN, node("b", List.of("192.168.0.2"), "192.168.0.128/25"));
        assertThat(state.routes()).contains(tunnelled("192.168.0.128/25"));
        assertThat(state.faults()).isEmpty();
    }

    @Test
    void peersSayWhatIsBelievedOfThemAndHowTheyAreReached() {
        OverlayState state = plan(
                OverlayMode.AUTO,
                node("c", List.of("192.168.9.3"), "10.244.3.0/24"),
                node("b", List.of("192.168.0.2", "192.168.0.1"), "10.244.2.0/24"));
        assertThat(state.peers()).extracting(Peer::node).containsExactly("b", "c");
        assertThat(state.peers().getFirst().addresses()).containsExactly(IpAddress.parse("192.168.0.2"));
        assertThat(state.peers().getFirst().routes()).containsExactly(direct("10.244.2.0/24", "192.168.0.2"));
        assertThat(state.peers().getLast().routes()).containsExactly(tunnelled("10.244.3.0/24"));
    }

    @Test
    void peersWithoutUsableAddressAreFaults() {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of(), "10.244.2.0/24"),
                node("c", List.of("192.168.0.1"), "10.244.3.0/24"));
        assertThat(state.forwarding()).isEmpty();
        assertThat(state.faults())
                .anyMatch(f -> f.text().contains("node b has no InternalIP"))
                .anyMatch(f -> f.text().contains("InternalIP 192.168.0.1 of node c is that of node a"));
    }

    @Test
    void nodeReachedByIpv6TunnelsOverIpv6() {
        Node self = node("a", List.of("fd00::1"), "10.244.1.0/24");
        OverlayState state = OverlayPlanner.plan(
                new OverlaySettings(OverlayMode.VXLAN, 4796, 8472, 0, true),
                self,
                List.of(node("b", List.of("fd00::2"), "10.244.2.0/24")),
                UPLINK,
                Set.of(),
                InForce.NOTHING);
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
                .contains("set --mtu to at least 1280");
    }

    private static OverlayState planOver(Uplink uplink, OverlayMode mode, Node peer) {
        return OverlayPlanner.plan(
                new OverlaySettings(mode, 4796, 8472, 0, true), SELF, List.of(peer), uplink, Set.of(), InForce.NOTHING);
    }

    private static OverlayState planOn(int uplinkMtu, OverlayMode mode) {
        return planOver(
                new Uplink(3, UPLINK.name(), uplinkMtu, UPLINK.addresses()),
                mode,
                node("b", List.of("192.168.0.2", "fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"));
    }

    @Test
    void overAPointToPointLinkAutoTunnelsAndDirectSaysWhyNot() {
        Uplink wireguard = new Uplink(3, new InterfaceName("wg0"), 1420, UPLINK.addresses(), false);
        Node peer = node("b", List.of("192.168.0.2"), "10.244.2.0/24");

        OverlayState auto = planOver(wireguard, OverlayMode.AUTO, peer);
        assertThat(auto.routes()).contains(tunnelled("10.244.2.0/24"));
        assertThat(auto.faults()).isEmpty();
        OverlayState direct = planOver(wireguard, OverlayMode.DIRECT, peer);
        assertThat(blocksOf(direct, "b")).isEmpty();
        assertThat(onlyFault(direct, "b", Cause.UNREACHABLE))
                .contains("through wg0, which is point-to-point", "set --overlay to auto or vxlan");
    }

    @Test
    void nodeOfTheOtherFamilyIsTunnelledOverTheOneThatBothHave() {
        OverlayState state = plan(
                OverlayMode.VXLAN,
                node("b", List.of("fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"),
                node("c", List.of("192.168.0.3"), "10.244.3.0/24"));

        assertThat(state.faults()).isEmpty();
        assertThat(state.tunnels())
                .extracting(tunnel -> tunnel.link() + " " + tunnel.local() + " " + tunnel.mtu())
                .containsExactly("ikat-vxlan 192.168.0.1 1450", "ikat-vxlan2 fd00::1 1430");
        assertThat(state.podMtu()).isEqualTo(1450);
        assertThat(state.routes())
                .contains(
                        tunnelled("10.244.2.0/24", IpFamily.IPV6),
                        tunnelled("fd00:244:2::/64", IpFamily.IPV6),
                        tunnelled("10.244.3.0/24", IpFamily.IPV4));
        assertThat(state.forwarding(IpFamily.IPV6))
                .containsValue(IpAddress.parse("fd00::2"))
                .hasSize(1);
        assertThat(state.forwarding(IpFamily.IPV4))
                .containsValue(IpAddress.parse("192.168.0.3"))
                .hasSize(1);
        assertThat(state.neighbours(IpFamily.IPV6))
                .containsOnlyKeys(IpAddress.parse("10.244.2.0"), IpAddress.parse("fd00:244:2::"));
        assertThat(state.neighbours(IpFamily.IPV4)).containsOnlyKeys(IpAddress.parse("10.244.3.0"));
    }

    @ParameterizedTest
    @CsvSource({
        "192.168.0.1 fd00::1, 192.168.0.2 fd00::2, IPV4", "fd00::1 192.168.0.1, fd00::2 192.168.0.2, IPV6",
        "192.168.0.1 fd00::1, fd00::2 192.168.0.2, IPV4", "192.168.0.1 fd00::1, fd00::2, IPV6",
        "fd00::1 192.168.0.1, 192.168.0.2, IPV4", "fd00::1, fd00::2, IPV6"
    })
    void bothEndsChooseTheSameFamily(String one, String other, IpFamily family) {
        Node a = node("a", List.of(one.split(" ", -1)), "10.244.1.0/24");
        Node b = node("b", List.of(other.split(" ", -1)), "10.244.2.0/24");

        assertThat(plan(InForce.NOTHING, a, b).routes()).contains(tunnelled("10.244.2.0/24", family));
        assertThat(plan(InForce.NOTHING, b, a).routes()).contains(tunnelled("10.244.1.0/24", family));
    }

    @Test
    void nodesWithoutACommonFamilyAreAFaultThatNamesBoth() {
        OverlayState state = plan(
                InForce.NOTHING,
                node("a", List.of("192.168.0.1"), "10.244.1.0/24"),
                node("b", List.of("fd00::2"), "10.244.2.0/24"));

        assertThat(onlyFault(state, "b", Cause.UNREACHABLE))
                .contains("node b has no IPv4 InternalIP and node a no other", "give one of them an address");
    }

    @Test
    void tunnelOverIpv6ThatIsTooSmallForIpv6PodsIsNamed() {
        OverlayState state = planOver(
                new Uplink(3, UPLINK.name(), 1340, UPLINK.addresses()),
                OverlayMode.VXLAN,
                node("b", List.of("fd00::2"), "10.244.2.0/24", "fd00:244:2::/64"));

        assertThat(state.podFamilies()).hasSize(2);
        assertThat(blocksOf(state, "b")).containsExactly("10.244.2.0/24");
        assertThat(onlyFault(state, "a", Cause.MTU)).contains("fd00:244:2::/64", "from 1340 to at least 1350");
    }

    @Test
    void tunnelTooSmallForIpv6CarriesIpv4Alone() {
        OverlayState state = planOn(1329, OverlayMode.VXLAN);

        assertThat(state.podFamilies()).containsExactly(IpFamily.IPV4);
        assertThat(state.tunnelAddresses()).containsExactly(IpAddress.parse("10.244.1.0"));
        assertThat(state.neighbours()).containsOnlyKeys(IpAddress.parse("10.244.2.0"));
        assertThat(state.routes())
                .containsExactlyInAnyOrder(
                        tunnelled("10.244.2.0/24"), unreachable("10.244.1.0/24"), unreachable("fd00:244:1::/64"));
        assertThat(state.ownBlocks()).as("those of pods that there are").hasSize(2);
        assertThat(onlyFault(state, "a", Cause.MTU)).contains("from 1329 to at least 1330");
    }

    @Test
    void tunnelJustLargeEnoughForIpv6CarriesBoth() {
        OverlayState state = planOn(1330, OverlayMode.VXLAN);
        assertThat(state.podFamilies()).containsExactlyInAnyOrder(IpFamily.values());
        assertThat(state.faults()).isEmpty();
    }

    @Test
    void directRoutesNeedNoMoreThanIpv6Does() {
        assertThat(planOn(1280, OverlayMode.DIRECT).podFamilies()).hasSize(2);
        assertThat(planOn(1280, OverlayMode.DIRECT).faults()).isEmpty();
        OverlayState state = planOn(1279, OverlayMode.DIRECT);
        assertThat(state.podFamilies()).containsExactly(IpFamily.IPV4);
        assertThat(blocksOf(state, "b")).containsExactly("10.244.2.0/24");
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
