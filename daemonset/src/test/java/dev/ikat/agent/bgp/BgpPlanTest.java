package dev.ikat.agent.bgp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.config.BgpOptions;
import dev.ikat.agent.node.NodeSituation;
import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.OverlayState;
import dev.ikat.agent.overlay.Peer;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.bgp.BgpSettings;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Password;
import dev.ikat.cluster.BgpAdvertisement;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.Reported;
import dev.ikat.cluster.Service;
import dev.ikat.cluster.Service.External;
import dev.ikat.cluster.Service.Ingress;
import dev.ikat.cluster.Service.IpMode;
import dev.ikat.cluster.Service.TrafficPolicy;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BgpPlanTest {
    private static final IpAddress SELF = IpAddress.parse("192.0.2.11");
    private static final Cidr BLOCK = Cidr.parse("10.244.1.0/24");

    @TempDir
    private Path passwords;

    private BgpPlan plan = new BgpPlan("a", new BgpOptions(true, settings(), Path.of("/")));

    private static BgpSettings settings() {
        return new BgpSettings(64512, Mesh.FULL, Optional.empty(), Optional.empty(), true);
    }

    @BeforeEach
    void learnOfTheCluster() throws IOException {
        Files.writeString(passwords.resolve("rack"), "secret");
        plan = new BgpPlan("a", new BgpOptions(true, settings(), passwords));
        take(
                peer(64500),
                new BgpAdvertisement(
                        "all",
                        LabelSelector.EVERYTHING,
                        LabelSelector.EVERYTHING,
                        true,
                        Set.of(ServiceAddresses.LOAD_BALANCER_IP),
                        Set.of(),
                        Set.of(),
                        Optional.empty(),
                        Reported.NOTHING),
                service("web", "203.0.113.1"));
    }

    private void take(ClusterObject... added) {
        plan.take(new ClusterChange(List.of(added), List.of(), List.of()));
    }

    private void take(ClusterObject before, ClusterObject after) {
        plan.take(new ClusterChange(List.of(), List.of(new ClusterChange.Update(before, after)), List.of()));
    }

    private static BgpPeer peer(long as) {
        return new BgpPeer(
                "tor",
                Labels.NONE,
                LabelSelector.EVERYTHING,
                new Neighbour(IpAddress.parse("192.0.2.1"), Optional.empty(), BgpPeer.PORT),
                as,
                Optional.empty(),
                OptionalInt.empty(),
                Optional.of("rack"),
                BgpPeer.HOLD_TIME,
                Optional.empty(),
                false,
                List.of(),
                Reported.NOTHING);
    }

    private static Service service(String name, String address) {
        return new Service(
                "default",
                name,
                Service.Type.LOAD_BALANCER,
                List.of(),
                List.of(),
                new External(
                        TrafficPolicy.CLUSTER,
                        List.of(),
                        List.of(new Ingress(IpAddress.parse(address), IpMode.VIP)),
                        List.of(),
                        0),
                TrafficPolicy.CLUSTER,
                Optional.empty(),
                false,
                Optional.empty());
    }

    /** What is computed anew each time that the node's network is looked at. */
    private static NodeSituation situation(Peer... others) {
        Uplink uplink = new Uplink(2, new InterfaceName("eth0"), 1500, List.of(InterfaceAddress.parse(SELF + "/24")));
        OverlayState overlay = new OverlayState(
                List.of(),
                Set.of(),
                Map.of(),
                Map.of(),
                Set.of(),
                1500,
                Set.of(IpFamily.IPV4),
                "a",
                Set.of(BLOCK),
                List.of(others),
                List.of(),
                InForce.NOTHING);
        return new NodeSituation(
                new Node("a", Labels.NONE, List.of(BLOCK), List.of(SELF)),
                uplink,
                overlay,
                new MasqueradeState(Set.of(), Set.of()),
                new GuardState(Optional.empty(), Set.of(), Set.of(), Set.of(), Set.of(), uplink.name(), true));
    }

    private static Peer other() {
        return new Peer("b", List.of(IpAddress.parse("192.0.2.12")), Set.of(Cidr.parse("10.244.2.0/24")), Set.of());
    }

    private BgpPlan.Planned refresh(Peer... others) {
        return plan.refresh(situation(others)).orElseThrow();
    }

    private static List<Cidr> announced(BgpPlan.Planned planned) {
        return planned.speaker().announced(IpFamily.IPV4).stream()
                .flatMap(group -> group.prefixes().stream())
                .toList();
    }

    @Test
    void nothingIsPlannedBeforeTheClusterIsKnown() {
        BgpPlan ignorant = new BgpPlan("a", new BgpOptions(true, settings(), passwords));

        assertThat(ignorant.refresh(situation())).isEmpty();
    }

    @Test
    void whatIsAsBeforeIsNotPlannedAnew() {
        BgpPlan.Planned first = refresh(other());
        take(new Node("c", Labels.NONE, List.of(), List.of()));

        assertThat(refresh(other())).isSameAs(first);
    }

    @Test
    void addressOfAServiceIsAnotherRouteOfTheSameSessions() {
        BgpPlan.Planned first = refresh();
        Service web = service("web", "203.0.113.1");

        take(service("shop", "203.0.113.2"));
        BgpPlan.Planned second = refresh();
        take(web, service("web", "203.0.113.3"));
        BgpPlan.Planned third = refresh();

        assertThat(second.number()).isGreaterThan(first.number());
        assertThat(announced(second))
                .containsExactlyInAnyOrder(BLOCK, Cidr.parse("203.0.113.1/32"), Cidr.parse("203.0.113.2/32"));
        assertThat(announced(third))
                .containsExactlyInAnyOrder(BLOCK, Cidr.parse("203.0.113.2/32"), Cidr.parse("203.0.113.3/32"));
        assertThat(third.speaker().sessions()).isEqualTo(first.speaker().sessions());
    }

    @Test
    void nodesPeersAndPasswordsAreHeardOf() throws IOException {
        long first = refresh().number();

        assertThat(refresh(other()).speaker().sessions()).hasSize(2);
        take(peer(64500), peer(64501));
        assertThat(refresh(other()).speaker().sessions()).anyMatch(session -> session.as() == 64501);
        Files.writeString(passwords.resolve("rack"), "another");
        BgpPlan.Planned last = refresh(other());

        assertThat(last.speaker().sessions().getLast().password()).contains(new Password("another"));
        assertThat(last.number()).isEqualTo(first + 3);
    }
}
