package dev.ikat.bgp.bird;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.passwords;
import static dev.ikat.bgp.BgpScene.settings;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.bgp.BgpScene;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.bird.Bird.Outcome;
import dev.ikat.cluster.BgpAdvertisement;
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
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Routers that are no BIRD: FRR, and GoBGP, each on a link of its own to the node, and BIRD beside them. */
@RequiresRoot
class OtherRoutersTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String PODS = "10.244.1.0/24";
    private static final String OUTSIDE = "203.0.113.0/24";

    @TempDir
    private Path directory;

    private final TestNamespace nodeSpace = TestNamespace.create();
    private final TestNamespace birdSpace = TestNamespace.create();
    private final TestNamespace otherSpace = TestNamespace.create();
    private final List<Process> processes = new ArrayList<>();
    private BirdFiles files = new BirdFiles(Path.of("/"));
    /** Where the user that its daemons become can read and write. */
    private Path frrHome = Path.of("/");

    private Router router = new Router(birdSpace, Path.of("/tmp"), "192.0.2.254");

    @BeforeEach
    void wire() throws IOException {
        frrHome = Files.createTempDirectory("ikat-frr");
        files = new BirdFiles(directory.resolve("bgp"));
        router = new Router(birdSpace, directory.resolve("router"), "192.0.2.254");
        link("eth0", "192.0.2.1/24", birdSpace, "192.0.2.254/24");
        link("eth1", "198.51.100.1/24", otherSpace, "198.51.100.254/24");
    }

    private void link(String name, String address, TestNamespace other, String otherAddress) {
        nodeSpace.ip("link", "add", name, "type", "veth", "peer", "name", "port1", "netns", other.name());
        nodeSpace.ip("address", "add", address, "dev", name);
        nodeSpace.ip("link", "set", name, "up");
        other.ip("address", "add", otherAddress, "dev", "port1");
        other.ip("link", "set", "port1", "up");
    }

    @AfterEach
    void end() throws Exception {
        bird().end();
        router.close();
        kill();
        TestDirectory.deleteTree(frrHome);
        nodeSpace.close();
        birdSpace.close();
        otherSpace.close();
    }

    private void kill() throws IOException {
        try (Stream<Path> ofFrr = Files.list(frrHome)) {
            ofFrr.filter(file -> file.toString().endsWith(".pid")).forEach(Router::kill);
        }
        processes.forEach(process -> process.destroyForcibly().onExit().join());
        processes.clear();
    }

    private Bird bird() {
        return Router.bird(nodeSpace, files);
    }

    private static BgpPeer peer(String name, String address, long as, Optional<String> password, Optional<Bfd> bfd) {
        return new BgpPeer(
                name,
                Labels.NONE,
                LabelSelector.EVERYTHING,
                new Neighbour(IpAddress.parse(address), Optional.empty(), BgpPeer.PORT),
                as,
                Optional.empty(),
                OptionalInt.empty(),
                password,
                BgpPeer.HOLD_TIME,
                bfd,
                false,
                List.of(PrefixRange.of(Cidr.parse(OUTSIDE))),
                Reported.NOTHING);
    }

    private static BgpPeer torOfBird() {
        return peer("bird", "192.0.2.254", 64500, Optional.empty(), Optional.empty());
    }

    private String configuration(BgpAdvertisement advertisement, BgpPeer... peers) {
        return BirdConfig.of(
                BgpScene.plan(
                        settings(Mesh.FULL, false),
                        node(1),
                        List.of(),
                        _ -> true,
                        List.of(peers),
                        List.of(advertisement),
                        List.of(),
                        passwords(Map.of("frr", "secret"))),
                files);
    }

    private void startBird() {
        router.start("""
                protocol bgp node { local as 64500; neighbor 192.0.2.1 as 64512; connect delay time 1;
                  ipv4 { import all; export where source = RTS_STATIC; }; }
                protocol static { ipv4; route 203.0.113.0/24 via "port1"; }
                """);
    }

    private void startFrr(String more) throws IOException {
        startFrrBy("neighbor 198.51.100.1 remote-as 64512\n neighbor 198.51.100.1 timers connect 1\n " + more);
    }

    private void startFrrBy(String neighbour) throws IOException {
        Path home = frrHome;
        Files.writeString(home.resolve("bgpd.conf"), """
                router bgp 64501
                 bgp router-id 198.51.100.254
                 no bgp ebgp-requires-policy
                 no bgp network import-check
                 %s
                 address-family ipv4 unicast
                  network 203.0.113.0/24
                 exit-address-family
                """.formatted(neighbour));
        for (String daemon : List.of("zebra", "bfdd", "bgpd")) {
            Path file = home.resolve(daemon + ".conf");
            if (!Files.exists(file)) {
                Files.createFile(file);
            }
            ProcessRunner.output("chown", "-R", "frr:frr", home.toString());
            List<String> command = new ArrayList<>(List.of(
                    "/usr/lib/frr/" + daemon,
                    "-d",
                    "-f",
                    file.toString(),
                    "-i",
                    home.resolve(daemon + ".pid").toString(),
                    "-z",
                    home.resolve("zserv.api").toString(),
                    "--vty_socket",
                    home.toString()));
            if (daemon.equals("bfdd")) {
                command.addAll(List.of("--bfdctl", home.resolve("bfdd.sock").toString()));
            }
            otherSpace.runner(command.toArray(String[]::new)).run().orThrow();
        }
    }

    private String ask(String... words) {
        List<String> command = new ArrayList<>(List.of("vtysh", "--vty_socket", frrHome.toString()));
        for (String word : words) {
            command.addAll(List.of("-c", word));
        }
        return otherSpace.runner(command.toArray(String[]::new)).run().stdout();
    }

    private String nodeRoute() {
        return nodeSpace.ip("route", "show", "exact", OUTSIDE);
    }

    private boolean otherReaches(String prefix) {
        return !otherSpace.ip("route", "show", "exact", prefix).isBlank();
    }

    @Test
    @RequiresProgram({"bird", "birdc", "/usr/lib/frr/bgpd", "vtysh"})
    void frrAndBirdAreUsedTogetherAndOneThatDiesIsNoticedByBfdWithinASecond() throws Exception {
        startBird();
        startFrr("neighbor 198.51.100.1 bfd\n neighbor 198.51.100.1 password secret");
        Bfd fast = new Bfd(Duration.ofMillis(200), 3);
        BgpPeer frr = peer("frr", "198.51.100.254", 64501, Optional.of("frr"), Optional.of(fast));
        String configuration = configuration(advertisement("pods", true), torOfBird(), frr);

        assertThat(bird().apply(configuration)).isEqualTo(Outcome.STARTED);
        Await.until(LIMIT, () -> "FRR has no route: " + ask("show bgp summary"), () -> otherReaches(PODS));
        Await.until(LIMIT, () -> "BIRD has no route", () -> router.reaches(PODS));
        Await.until(
                LIMIT,
                () -> "no two paths: " + nodeRoute(),
                () -> nodeRoute().contains("via 192.0.2.254") && nodeRoute().contains("via 198.51.100.254"));
        Await.until(
                LIMIT, () -> "BFD is not up", () -> ask("show bfd peers brief").contains("up"));

        Router.silence(nodeSpace, "eth1");
        Duration took = Await.until(
                LIMIT,
                () -> "the path is still used: " + nodeRoute(),
                () -> !nodeRoute().contains("198.51.100.254"));

        assertThat(took).isLessThan(Await.onThisMachine(Duration.ofSeconds(1)));
        assertThat(nodeRoute()).contains("via 192.0.2.254");
    }

    @Test
    @RequiresProgram({"bird", "birdc", "/usr/lib/frr/bgpd", "vtysh"})
    void frrThatIsKnownByItsLinkAloneGetsAndGivesRoutesOfIpv4() throws Exception {
        nodeSpace.ip("address", "flush", "dev", "eth1", "scope", "global");
        otherSpace.ip("address", "flush", "dev", "port1", "scope", "global");
        otherSpace.sysctl("net.ipv6.conf.all.forwarding", "1");
        startFrrBy("neighbor port1 interface remote-as external");
        BgpPeer frr = new BgpPeer(
                "frr",
                Labels.NONE,
                LabelSelector.EVERYTHING,
                new Neighbour(Optional.empty(), Optional.of(new InterfaceName("eth1")), BgpPeer.PORT),
                64501,
                Optional.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                BgpPeer.HOLD_TIME,
                Optional.empty(),
                true,
                List.of(PrefixRange.of(Cidr.parse(OUTSIDE))),
                Reported.NOTHING);

        bird().apply(configuration(advertisement("pods", true), frr));

        Await.until(LIMIT, () -> "FRR has no route: " + ask("show bgp summary"), () -> otherReaches(PODS));
        Await.until(LIMIT, () -> "no route: " + nodeRoute(), () -> nodeRoute().contains("via inet6 fe80::"));
        assertThat(bird().sessions())
                .singleElement()
                .matches(session -> session.name().equals("peer-frr") && session.established());
    }

    @Test
    @RequiresProgram({"bird", "/usr/lib/frr/bgpd", "vtysh"})
    void frrKeepsRoutesWhileBirdIsStartedAnew() throws Exception {
        startFrr("");
        String configuration = configuration(
                advertisement("pods", true), peer("frr", "198.51.100.254", 64501, Optional.empty(), Optional.empty()));
        bird().apply(configuration);
        Await.until(LIMIT, () -> "FRR has no route: " + ask("show bgp summary"), () -> otherReaches(PODS));
        Path seen = directory.resolve("seen");
        processes.add(otherSpace.runner("ip", "monitor", "route").startInBackground(seen));

        Router.kill(files.pid());
        assertThat(bird().apply(configuration)).isEqualTo(Outcome.STARTED);
        Await.until(
                LIMIT,
                () -> "the session does not come back: " + ask("show bgp summary"),
                () -> bird().isRunning() && isEstablished());
        Thread.sleep(Duration.ofSeconds(3));

        assertThat(otherReaches(PODS)).isTrue();
        assertThat(Files.readString(seen)).doesNotContain("Deleted " + PODS);
    }

    private boolean isEstablished() {
        try {
            return bird().sessions().stream().allMatch(SessionState::established);
        } catch (BirdException e) {
            return false;
        }
    }

    @Test
    @RequiresProgram({"bird", "/usr/lib/frr/bgpd", "vtysh"})
    void peerThatComesAndGoesLeavesNothingBehind() throws Exception {
        startFrr("");
        bird().apply(configuration(
                advertisement("pods", true), peer("frr", "198.51.100.254", 64501, Optional.empty(), Optional.empty())));
        for (int i = 0; i < 3; i++) {
            Await.until(
                    LIMIT,
                    () -> "no route: " + ask("show bgp summary"),
                    () -> nodeRoute().contains("via"));
            ask("configure terminal", "router bgp 64501", "neighbor 198.51.100.1 shutdown");
            Await.until(
                    LIMIT,
                    () -> "still there: " + nodeRoute(),
                    () -> nodeRoute().isBlank());
            ask("configure terminal", "router bgp 64501", "no neighbor 198.51.100.1 shutdown");
        }
        Await.until(
                LIMIT,
                () -> "no route: " + ask("show bgp summary"),
                () -> nodeRoute().contains("via"));

        assertThat(nodeRoute().lines()).hasSize(1);
    }

    @Test
    @RequiresProgram({"bird", "gobgpd", "gobgp"})
    void goBgpHearsOfPodsWithTheirCommunitiesAndItsRoutesAreUsed() throws Exception {
        Path conf = Files.writeString(directory.resolve("gobgp.toml"), """
                [global.config]
                  as = 64502
                  router-id = "198.51.100.254"
                [[neighbors]]
                  [neighbors.config]
                    neighbor-address = "198.51.100.1"
                    peer-as = 64512
                """);
        processes.add(otherSpace
                .runner("gobgpd", "-f", conf.toString(), "--api-hosts", "127.0.0.1:50051")
                .startInBackground(directory.resolve("gobgp.log")));
        BgpAdvertisement marked = new BgpAdvertisement(
                "marked",
                LabelSelector.EVERYTHING,
                LabelSelector.EVERYTHING,
                true,
                Set.of(),
                Set.of(),
                Set.of(BgpCommunity.parse("64512:100"), BgpCommunity.parse("64512:1:2")),
                Optional.empty(),
                Reported.NOTHING);
        bird().apply(configuration(marked, peer("gobgp", "198.51.100.254", 64502, Optional.empty(), Optional.empty())));

        Await.until(
                LIMIT,
                () -> "no such route: " + gobgp("global", "rib"),
                () -> Stream.of(gobgp("global", "rib"))
                        .anyMatch(rib -> rib.contains(PODS) && rib.contains("64512:100") && rib.contains("64512:1:2")));
        gobgp("global", "rib", "add", OUTSIDE, "nexthop", "198.51.100.254");
        Await.until(LIMIT, () -> "no route", () -> nodeRoute().contains("via 198.51.100.254"));
    }

    private String gobgp(String... words) {
        return otherSpace
                .runner(Stream.concat(Stream.of("gobgp"), Stream.of(words)).toArray(String[]::new))
                .run()
                .stdout();
    }
}
