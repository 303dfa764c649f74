package dev.ikat.bgp.bird;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.peer;
import static dev.ikat.bgp.BgpScene.plan;
import static dev.ikat.bgp.BgpScene.settings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.BgpScene;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Export;
import dev.ikat.bgp.Password;
import dev.ikat.bgp.RouteGroup;
import dev.ikat.bgp.ServiceAddress;
import dev.ikat.bgp.Session;
import dev.ikat.bgp.Session.Reflection;
import dev.ikat.bgp.Speaker;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpCommunity;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.ProcessResult;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.requirement.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BirdConfigTest {
    private static final BirdFiles FILES = new BirdFiles(Path.of("/run/ikat/bgp"));

    private static final RouteGroup.Reasons PLAIN = new RouteGroup.Reasons(true, List.of());
    private static final RouteGroup.Reasons MARKED = new RouteGroup.Reasons(false, List.of("all", "marked"));

    @TempDir
    private Path directory;

    /** A session that uses everything that can be said. */
    private static Session everything(String name, IpAddress address, Optional<InterfaceName> link) {
        boolean v6 = address.family() == IpFamily.IPV6;
        return new Session(
                new Session.Name(name),
                new Session.Peer.Router("r"),
                new Neighbour(address, link, 1790),
                link.isPresent() ? Optional.empty() : Optional.of(IpAddress.parse(v6 ? "2001:db8::9" : "192.0.2.1")),
                4_200_000_000L,
                64500,
                link.isPresent() ? OptionalInt.empty() : OptionalInt.of(4),
                v6 ? Set.of(IpFamily.IPV4, IpFamily.IPV6) : Set.of(IpFamily.IPV4),
                v6,
                Optional.of(new Password("p4ss ;}{'#\\word")),
                Duration.ofSeconds(30),
                Optional.of(Bfd.DEFAULT),
                Reflection.NONE,
                List.of(
                        new PrefixRange(Cidr.parse("0.0.0.0/0"), 0, 24),
                        new PrefixRange(Cidr.parse("2001:db8::/32"), 48, 64)),
                List.of(
                        new Export(PLAIN, List.of(), Optional.empty()),
                        new Export(
                                MARKED,
                                List.of(BgpCommunity.parse("64512:7"), BgpCommunity.parse("4200000000:1:2")),
                                Optional.of(4_294_967_295L))));
    }

    private static Speaker full() {
        return new Speaker(
                IpAddress.parse("192.0.2.1"),
                Set.of(Cidr.parse("10.244.1.0/24"), Cidr.parse("fd00:1::/64")),
                List.of(
                        new RouteGroup(PLAIN, List.of(Cidr.parse("10.244.1.0/24"))),
                        new RouteGroup(MARKED, List.of(Cidr.parse("198.51.100.1/32"), Cidr.parse("2001:db8::7/128")))),
                List.of(
                        everything("peer-a.b-c", IpAddress.parse("192.0.2.254"), Optional.empty()),
                        everything("peer-v6", IpAddress.parse("2001:db8::1"), Optional.empty()),
                        everything(
                                "peer-ll", IpAddress.parse("fe80::1"), Optional.of(new InterfaceName("bond0.100@1")))));
    }

    private static BgpPeer onLink(String link) {
        return new BgpPeer(
                "on-" + link,
                Labels.NONE,
                LabelSelector.EVERYTHING,
                new Neighbour(Optional.empty(), Optional.of(new InterfaceName(link)), BgpPeer.PORT),
                64500,
                Optional.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                BgpPeer.HOLD_TIME,
                Optional.of(Bfd.DEFAULT),
                true,
                List.of(),
                Reported.NOTHING);
    }

    private void assertBirdTakes(String text) throws IOException {
        Path file = Files.writeString(directory.resolve("bird.conf"), text);
        ProcessResult check =
                ProcessRunner.of("bird", "-p", "-c", file.toString()).run();
        assertThat(check.exitCode()).as(check.stderr() + text).isZero();
    }

    @Test
    @RequiresProgram("bird")
    void birdTakesEverythingThatCanBeSaid() throws IOException {
        assertBirdTakes(BirdConfig.of(full(), FILES));
    }

    @Test
    @RequiresProgram("bird")
    void birdTakesRoutersThatAreKnownByTheirLinksAlone() throws IOException {
        Speaker speaker = plan(
                settings(Mesh.FULL, false),
                List.of(),
                List.of(onLink("eth1"), onLink("eth2")),
                List.of(advertisement("pods", true)));

        String text = BirdConfig.of(speaker, FILES);

        assertThat(text)
                .contains("neighbor range fe80::/10 as 64500;", "dynamic name \"peer-on-eth1:\";")
                .contains("interface \"eth1\" { min ra interval", "interface \"eth2\" { min ra interval");
        assertBirdTakes(text);
    }

    @Test
    @RequiresProgram("bird")
    void birdTakesASpeakerWithoutSessions() throws IOException {
        assertBirdTakes(
                BirdConfig.of(new Speaker(IpAddress.parse("192.0.2.1"), Set.of(), List.of(), List.of()), FILES));
    }

    @Test
    @RequiresProgram("bird")
    void birdTakesTheLongestNamesAndAMeshOfAThousandNodes() throws IOException {
        List<BgpNode> nodes = IntStream.range(0, 1000)
                .mapToObj(i -> new BgpNode(
                        "worker-" + i + ".example".repeat(29),
                        Labels.of(BgpNode.REFLECTOR_LABEL, ""),
                        List.of(IpAddress.v4(0xc0a80000 + 2 + i)),
                        Set.of(new Cidr(IpAddress.v4(0x0a000000 + (i << 8)), 24))))
                .toList();

        Speaker speaker = plan(settings(Mesh.FULL, true), nodes, List.of(), List.of());

        assertThat(speaker.sessions()).hasSize(1000);
        assertBirdTakes(BirdConfig.of(speaker, FILES));
    }

    @Test
    void sameSpeakerIsTheSameText() {
        assertThat(BirdConfig.of(full(), FILES)).isEqualTo(BirdConfig.of(full(), FILES));
    }

    @Test
    void addressOfAServiceMoreIsOneLineMore() {
        List<ServiceAddress> services = IntStream.range(0, 3)
                .mapToObj(
                        i -> new ServiceAddress(IpAddress.v4(0xc6336400 + i), ServiceAddresses.LOAD_BALANCER_IP, true))
                .toList();

        List<String> fewer = linesWith(services.subList(0, 2));
        List<String> more = new ArrayList<>(linesWith(services));

        assertThat(more.remove("  route 198.51.100.2/32 blackhole;")).isTrue();
        assertThat(more).isEqualTo(fewer);
    }

    private static List<String> linesWith(List<ServiceAddress> services) {
        Speaker speaker = plan(
                settings(Mesh.FULL, false),
                List.of(),
                List.of(peer("tor", "192.0.2.254")),
                List.of(advertisement("all", true, ServiceAddresses.LOAD_BALANCER_IP)),
                services.toArray(ServiceAddress[]::new));
        return BirdConfig.of(speaker, FILES).lines().toList();
    }

    @Test
    void kernelGetsRoutesOfBgpOnlyByAMetricOfTheirOwnAndNoneOfItsIsLearned() {
        String text = BirdConfig.of(full(), FILES);

        assertThat(text)
                .contains("learn off;")
                .contains("metric 4796;")
                .contains("ipv4 { import none; export where source = RTS_BGP && dest = RTD_UNICAST; };");
    }

    @Test
    void routesIntoOwnPodsAreRefusedBeforeAnythingIsAccepted() {
        String text = BirdConfig.of(full(), FILES);

        assertThat(text.indexOf("if net ~ [ 10.244.1.0/24+ ] then reject;"))
                .isPositive()
                .isLessThan(text.indexOf("if net ~ [ 0.0.0.0/0{0,24} ] then accept;"));
    }

    @Test
    void whatIsNotNamedIsNotAccepted() {
        Speaker speaker = plan(
                settings(Mesh.FULL, false),
                List.of(node(2)),
                List.of(peer("tor", "192.0.2.254", LabelSelector.EVERYTHING, Optional.empty(), List.of())),
                List.of(advertisement("pods", true)));

        assertThat(BirdConfig.of(speaker, FILES)).contains("import none;").doesNotContain("accept all");
    }

    @Test
    void reflectorHandsOnWhatItHearsFromNodesAndNothingElse() {
        Speaker speaker = BgpScene.plan(
                settings(Mesh.REFLECTORS, true),
                node(1, BgpNode.REFLECTOR_LABEL, ""),
                List.of(node(2)),
                _ -> true,
                List.of(),
                List.of(),
                List.of(),
                BgpScene.NO_PASSWORDS);

        assertThat(BirdConfig.of(speaker, FILES))
                .contains("rr client;")
                .contains("if source = RTS_BGP && proto ~ \"node-*\" then accept;");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\"b", "a\nb", "a\rb", "a\tb", "é", ""})
    void passwordThatCouldEndAStringIsNone(String text) {
        assertThatThrownBy(() -> new Password(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a'b", "a b", "a;b", "A", ""})
    void nameThatCouldEndASymbolIsNone(String text) {
        assertThatThrownBy(() -> new Session.Name(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void passwordIsInTheConfigurationAndNowhereElse() {
        assertThat(BirdConfig.of(full(), FILES)).contains("password \"p4ss ;}{'#\\word\";");
        assertThat(full().toString()).doesNotContain("p4ss");
    }
}
