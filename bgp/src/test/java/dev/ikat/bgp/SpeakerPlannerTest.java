package dev.ikat.bgp;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.peer;
import static dev.ikat.bgp.BgpScene.plan;
import static dev.ikat.bgp.BgpScene.settings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Session.Reflection;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SpeakerPlannerTest {
    private static final BgpSettings OUTSIDE_ONLY = settings(Mesh.FULL, false);

    private static List<String> exports(Speaker speaker, Session session) {
        return BgpScene.announced(speaker, session).stream()
                .map(each -> each.prefix().toString())
                .toList();
    }

    private static List<String> imports(Session session) {
        return session.imports().stream().map(range -> range.cidr().toString()).toList();
    }

    private static List<String> names(Speaker speaker) {
        return speaker.sessions().stream().map(session -> session.name().text()).toList();
    }

    @Test
    void nothingIsAnnouncedToAPeerUntilAnAdvertisementSaysSo() {
        Session session = plan(OUTSIDE_ONLY, List.of(), List.of(peer("tor", "192.0.2.254")), List.of())
                .sessions()
                .getFirst();

        assertThat(session.exports()).isEmpty();
        assertThat(session.imports()).isEmpty();
        assertThat(session.localAs()).isEqualTo(64512);
    }

    @Test
    void advertisementAnnouncesOwnPodsAndAddressesOfServices() {
        ServiceAddress lb =
                new ServiceAddress(IpAddress.parse("198.51.100.7"), ServiceAddresses.LOAD_BALANCER_IP, true);
        ServiceAddress clusterIp = new ServiceAddress(IpAddress.parse("10.96.0.1"), ServiceAddresses.CLUSTER_IP, true);

        Speaker speaker = plan(
                OUTSIDE_ONLY,
                List.of(node(2)),
                List.of(peer("tor", "192.0.2.254")),
                List.of(advertisement("all", true, ServiceAddresses.LOAD_BALANCER_IP)),
                lb,
                clusterIp);

        assertThat(exports(speaker, speaker.sessions().getFirst())).containsExactly("10.244.1.0/24", "198.51.100.7/32");
    }

    @Test
    void aggregateStandsForWhatIsInItButNotForWhatOnlySomeNodesAnnounce() {
        ServiceAddress everywhere =
                new ServiceAddress(IpAddress.parse("198.51.100.7"), ServiceAddresses.LOAD_BALANCER_IP, true);
        ServiceAddress here =
                new ServiceAddress(IpAddress.parse("198.51.100.8"), ServiceAddresses.LOAD_BALANCER_IP, false);
        BgpAdvertisement aggregated = advertisement(
                "all",
                true,
                Set.of(ServiceAddresses.LOAD_BALANCER_IP),
                Set.of(Cidr.parse("198.51.100.0/24"), Cidr.parse("10.244.0.0/16"), Cidr.parse("203.0.113.0/24")),
                LabelSelector.EVERYTHING);

        Speaker speaker = plan(
                OUTSIDE_ONLY, List.of(), List.of(peer("tor", "192.0.2.254")), List.of(aggregated), everywhere, here);

        assertThat(exports(speaker, speaker.sessions().getFirst()))
                .containsExactly("10.244.0.0/16", "198.51.100.0/24", "198.51.100.8/32");
    }

    @Test
    void twoAdvertisementsOfOneRouteAddTheirCommunitiesAndTheHigherPreferenceHolds() {
        BgpAdvertisement one = marked("one", "64512:1", 50);
        BgpAdvertisement two = marked("two", "64512:7:8", 200);

        Speaker speaker = plan(OUTSIDE_ONLY, List.of(), List.of(peer("tor", "192.0.2.254")), List.of(one, two));

        assertThat(BgpScene.announced(speaker, speaker.sessions().getFirst()))
                .containsExactly(new BgpScene.Announced(
                        Cidr.parse("10.244.1.0/24"),
                        List.of(BgpCommunity.parse("64512:1"), BgpCommunity.parse("64512:7:8")),
                        Optional.of(200L)));
    }

    private static BgpAdvertisement marked(String name, String community, long preference) {
        return new BgpAdvertisement(
                name,
                LabelSelector.EVERYTHING,
                LabelSelector.EVERYTHING,
                true,
                Set.of(),
                Set.of(),
                Set.of(BgpCommunity.parse(community)),
                Optional.of(preference),
                Reported.NOTHING);
    }

    @Test
    void advertisementReachesThePeersThatItSelectsOnly() {
        BgpAdvertisement toRackA = advertisement("a", true, Set.of(), Set.of(), LabelSelector.of("rack", "a"));

        Speaker speaker = plan(
                OUTSIDE_ONLY,
                List.of(),
                List.of(peer("tor-a", "192.0.2.253", "rack", "a"), peer("tor-b", "192.0.2.254", "rack", "b")),
                List.of(toRackA));

        assertThat(exports(speaker, speaker.sessions().getFirst())).containsExactly("10.244.1.0/24");
        assertThat(exports(speaker, speaker.sessions().getLast())).isEmpty();
    }

    @Test
    void peerOfOtherNodesOrThisNodeItselfIsNotSpokenTo() {
        Speaker speaker = plan(
                OUTSIDE_ONLY,
                List.of(),
                List.of(
                        peer("itself", "192.0.2.1"),
                        peer("others", "192.0.2.9", LabelSelector.of("rack", "b"), Optional.empty(), List.of())),
                List.of());

        assertThat(speaker.sessions()).isEmpty();
    }

    @Test
    void routesToOtherNodesPodsAreUsedWhereNoOverlayLeadsToThem() {
        List<PrefixRange> accept = List.of(PrefixRange.of(Cidr.parse("0.0.0.0/0")));
        var tor = peer("tor", "192.0.2.254", LabelSelector.EVERYTHING, Optional.empty(), accept);

        Session overlay = plan(OUTSIDE_ONLY, List.of(node(2)), List.of(tor), List.of())
                .sessions()
                .getFirst();
        Session routed = plan(settings(Mesh.NONE, true), List.of(node(2)), List.of(tor), List.of())
                .sessions()
                .getFirst();

        assertThat(imports(overlay)).containsExactly("0.0.0.0/0");
        assertThat(imports(routed)).containsExactly("0.0.0.0/0", "10.244.2.0/24");
    }

    @Test
    void inAFullMeshEachTellsEachOfItsOwnPods() {
        Speaker speaker = plan(settings(Mesh.FULL, true), List.of(node(2), node(3)), List.of(), List.of());

        assertThat(names(speaker)).containsExactly("node-node-2", "node-node-3");
        assertThat(speaker.sessions()).allSatisfy(session -> {
            assertThat(session.as()).isEqualTo(64512);
            assertThat(session.hops()).isEmpty();
            assertThat(exports(speaker, session)).containsExactly("10.244.1.0/24");
            assertThat(session.reflection()).isEqualTo(Reflection.NONE);
        });
        assertThat(imports(speaker.sessions().getFirst())).containsExactly("10.244.2.0/24");
    }

    @Test
    void withAnOverlayThereIsNoMesh() {
        assertThat(plan(OUTSIDE_ONLY, List.of(node(2)), List.of(), List.of()).sessions())
                .isEmpty();
    }

    @Test
    void nodesBehindARouterAreReachedOverHops() {
        Speaker speaker = plan(
                settings(Mesh.FULL, true),
                node(1),
                List.of(node(2)),
                _ -> false,
                List.of(),
                List.of(),
                List.of(),
                BgpScene.NO_PASSWORDS);

        assertThat(speaker.sessions().getFirst().hops()).isNotEqualTo(OptionalInt.empty());
    }

    @Test
    void clientsSpeakToReflectorsOnlyAndHearOfAllFromThem() {
        BgpNode reflector = node(2, BgpNode.REFLECTOR_LABEL, "");

        Speaker speaker = plan(settings(Mesh.REFLECTORS, true), List.of(reflector, node(3)), List.of(), List.of());

        assertThat(names(speaker)).containsExactly("node-node-2");
        assertThat(imports(speaker.sessions().getFirst())).containsExactly("10.244.2.0/24", "10.244.3.0/24");
        assertThat(speaker.sessions().getFirst().reflection()).isEqualTo(Reflection.NONE);
    }

    @Test
    void reflectorHandsOnToClientsAndToOtherReflectors() {
        Speaker speaker = plan(
                settings(Mesh.REFLECTORS, true),
                node(1, BgpNode.REFLECTOR_LABEL, ""),
                List.of(node(2), node(3, BgpNode.REFLECTOR_LABEL, "")),
                _ -> true,
                List.of(),
                List.of(),
                List.of(),
                BgpScene.NO_PASSWORDS);

        assertThat(speaker.sessions())
                .extracting(Session::reflection)
                .containsExactly(Reflection.CLIENT, Reflection.REFLECTOR);
        assertThat(imports(speaker.sessions().getFirst())).containsExactly("10.244.2.0/24");
    }

    @Test
    void aNodeThatIsAPeerTooIsSpokenToAsThePeer() {
        Speaker speaker =
                plan(settings(Mesh.FULL, true), List.of(node(2)), List.of(peer("special", "192.0.2.2")), List.of());

        assertThat(names(speaker)).containsExactly("peer-special");
    }

    @Test
    void nodesWithBothFamiliesSpeakOverBoth() {
        Speaker speaker = plan(
                settings(Mesh.FULL, true),
                dual(1),
                List.of(dual(2)),
                _ -> true,
                List.of(),
                List.of(),
                List.of(),
                BgpScene.NO_PASSWORDS);

        assertThat(names(speaker)).containsExactly("node-node-2", "node-node-2:v6");
        assertThat(speaker.sessions().getFirst().families()).containsExactly(IpFamily.IPV4);
        assertThat(speaker.sessions().getLast().families()).containsExactly(IpFamily.IPV6);
        assertThat(exports(speaker, speaker.sessions().getLast())).containsExactly("fd00:1::/64");
    }

    @Test
    void nodesWithIpv6AddressesAloneTellOfIpv4PodsByIpv6NextHops() {
        Speaker speaker = plan(
                settings(Mesh.FULL, true),
                v6(1),
                List.of(v6(2)),
                _ -> true,
                List.of(),
                List.of(),
                List.of(),
                BgpScene.NO_PASSWORDS);

        Session session = speaker.sessions().getFirst();
        assertThat(session.extendedNextHop()).isTrue();
        assertThat(exports(speaker, session)).containsExactly("10.244.1.0/24");
        assertThat(speaker.routerId().family()).isEqualTo(IpFamily.IPV4);
    }

    private static BgpNode dual(int n) {
        return new BgpNode(
                "node-" + n,
                Labels.NONE,
                List.of(IpAddress.parse("192.0.2." + n), IpAddress.parse("2001:db8::" + n)),
                Set.of(Cidr.parse("10.244." + n + ".0/24"), Cidr.parse("fd00:" + n + "::/64")));
    }

    private static BgpNode v6(int n) {
        return new BgpNode(
                "node-" + n,
                Labels.NONE,
                List.of(IpAddress.parse("2001:db8::" + n)),
                Set.of(Cidr.parse("10.244." + n + ".0/24")));
    }
}
