package dev.ikat.bgp.bird;

import static dev.ikat.bgp.BgpScene.advertisement;
import static dev.ikat.bgp.BgpScene.node;
import static dev.ikat.bgp.BgpScene.passwords;
import static dev.ikat.bgp.BgpScene.settings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ikat.bgp.BgpNode;
import dev.ikat.bgp.BgpScene;
import dev.ikat.bgp.BgpSettings.Mesh;
import dev.ikat.bgp.Passwords;
import dev.ikat.bgp.ServiceAddress;
import dev.ikat.bgp.bird.Bird.Outcome;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.BgpPeer;
import dev.ikat.cluster.BgpPeer.Bfd;
import dev.ikat.cluster.BgpPeer.Neighbour;
import dev.ikat.cluster.BgpPeer.PrefixRange;
import dev.ikat.cluster.LabelSelector;
import dev.ikat.cluster.Labels;
import dev.ikat.cluster.Reported;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ikat's BIRD on a node, and another as its router: what the router's kernel has of the node's routes, and when. */
@RequiresRoot
@RequiresProgram({"bird", "birdc"})
class BirdPeeringTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String PODS = "10.244.1.0/24";
    private static final int THOUSAND = 1000;

    @TempDir
    private Path directory;

    private final TestNamespace nodeSpace = TestNamespace.create();
    private final TestNamespace routerSpace = TestNamespace.create();
    private BirdFiles files = new BirdFiles(Path.of("/"));
    private Router router = new Router(routerSpace, Path.of("/tmp"), "192.0.2.254");

    @BeforeEach
    void wire() {
        files = new BirdFiles(directory.resolve("bgp"));
        router = new Router(routerSpace, directory.resolve("router"), "192.0.2.254");
        nodeSpace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "port1", "netns", routerSpace.name());
        nodeSpace.ip("address", "add", "192.0.2.1/24", "dev", "eth0");
        nodeSpace.ip("link", "set", "eth0", "up");
        routerSpace.ip("address", "add", "192.0.2.254/24", "dev", "port1");
        routerSpace.ip("link", "set", "port1", "up");
    }

    @AfterEach
    void end() throws Exception {
        bird().end();
        router.close();
        nodeSpace.close();
        routerSpace.close();
    }

    private Bird bird() {
        return Router.bird(nodeSpace, files);
    }

    private static BgpPeer tor(Optional<String> password, Optional<Bfd> bfd, PrefixRange... accept) {
        return new BgpPeer(
                "tor",
                Labels.NONE,
                LabelSelector.EVERYTHING,
                new Neighbour(IpAddress.parse("192.0.2.254"), Optional.empty(), BgpPeer.PORT),
                64500,
                Optional.empty(),
                OptionalInt.empty(),
                password,
                BgpPeer.HOLD_TIME,
                bfd,
                false,
                List.of(accept),
                Reported.NOTHING);
    }

    private String configuration(BgpPeer peer, Passwords passwords, ServiceAddress... services) {
        return BirdConfig.of(
                BgpScene.plan(
                        settings(Mesh.FULL, false),
                        node(1),
                        List.of(node(2)),
                        _ -> true,
                        List.of(peer),
                        List.of(advertisement("all", true, ServiceAddresses.LOAD_BALANCER_IP)),
                        List.of(services),
                        passwords),
                files);
    }

    private String plain() {
        return configuration(tor(Optional.empty(), Optional.empty()), passwords(Map.of()));
    }

    private static String towardsNode(String more) {
        return """
                protocol bgp node {
                  local as 64500; neighbor 192.0.2.1 as 64512;
                  connect delay time 1; connect retry time 1; error wait time 1, 2; %s
                  ipv4 { import all; export none; };
                }
                """.formatted(more);
    }

    private void awaitRoute(String prefix) {
        Await.until(
                LIMIT,
                () -> "the router has no route to " + prefix + ": " + router.ask("show", "protocols", "all"),
                () -> router.reaches(prefix));
    }

    private void awaitNoRoute(String prefix) {
        Await.until(LIMIT, () -> "the router still has a route to " + prefix, () -> !router.reaches(prefix));
    }

    private boolean isEstablished() {
        try {
            return bird().sessions().stream().anyMatch(SessionState::established);
        } catch (BirdException e) {
            return false;
        }
    }

    private void awaitEstablished() {
        Await.until(LIMIT, () -> "no session is established", this::isEstablished);
    }

    @Test
    void podCidrIsAnnouncedWhenBirdStartsAndWithdrawnWhenItEnds() throws Exception {
        router.start(towardsNode(""));

        assertThat(bird().apply(plain())).isEqualTo(Outcome.STARTED);
        awaitRoute(PODS);
        assertThat(routerSpace.ip("route", "show", "exact", PODS)).contains("via 192.0.2.1");

        assertThat(bird().end()).isTrue();
        awaitNoRoute(PODS);
        assertThat(bird().isRunning()).isFalse();
    }

    @Test
    void filesOfBirdAreForRootAlone() throws Exception {
        router.start(towardsNode(""));
        bird().apply(plain());

        assertThat(Files.getPosixFilePermissions(files.directory())).hasSize(3);
        assertThat(Files.getPosixFilePermissions(files.configuration())).hasSize(2);
        assertThat(Files.getPosixFilePermissions(files.socket())).hasSize(2);
    }

    @Test
    void addressOfAServiceComesAndGoesWithoutDisturbingTheSession() throws Exception {
        router.start(towardsNode(""));
        bird().apply(plain());
        awaitRoute(PODS);
        String since = bird().sessions().getFirst().since().toString();
        ServiceAddress service =
                new ServiceAddress(IpAddress.parse("198.51.100.7"), ServiceAddresses.LOAD_BALANCER_IP, true);

        BgpPeer tor = tor(Optional.empty(), Optional.empty());
        assertThat(bird().apply(configuration(tor, passwords(Map.of()), service)))
                .isEqualTo(Outcome.RECONFIGURED);
        awaitRoute("198.51.100.7/32");
        assertThat(bird().apply(plain())).isEqualTo(Outcome.RECONFIGURED);
        awaitNoRoute("198.51.100.7/32");

        assertThat(bird().sessions().getFirst().since()).hasToString(since);
    }

    @Test
    void successorOfAnAgentFindsBirdAsItLeftIt() throws Exception {
        router.start(towardsNode(""));
        bird().apply(plain());
        awaitEstablished();

        assertThat(bird().apply(plain())).isEqualTo(Outcome.UNCHANGED);
        assertThat(isEstablished()).isTrue();
    }

    @Test
    void noRouteIsWithdrawnWhenBirdIsKilledAndStartedAnew() throws Exception {
        routerSpace.ip("route", "add", "203.0.113.0/24", "dev", "port1");
        router.start(towardsNode("graceful restart on;") + """
                protocol static { ipv4; route 203.0.113.0/24 via 192.0.2.254; }
                """);
        router.become(towardsNode("graceful restart on;").replace("export none", "export where source = RTS_STATIC")
                + "protocol static { ipv4; route 203.0.113.0/24 via \"port1\"; }");
        BgpPeer tor = tor(Optional.empty(), Optional.empty(), PrefixRange.of(Cidr.parse("203.0.113.0/24")));
        String configuration = configuration(tor, passwords(Map.of()));
        bird().apply(configuration);
        awaitRoute(PODS);
        Await.until(LIMIT, () -> "the node has no route", () -> nodeReaches("203.0.113.0/24"));
        Path routerSeen = directory.resolve("router-routes");
        Path nodeSeen = directory.resolve("node-routes");
        Process onRouter = routerSpace.runner("ip", "monitor", "route").startInBackground(routerSeen);
        Process onNode = nodeSpace.runner("ip", "monitor", "route").startInBackground(nodeSeen);
        try {
            Router.kill(files.pid());
            assertThat(router.reaches(PODS)).isTrue();
            assertThat(bird().apply(configuration)).isEqualTo(Outcome.STARTED);
            awaitEstablished();
            Await.until(
                    LIMIT,
                    () -> "the restart does not end",
                    () -> !router.ask("show", "protocols", "all", "node").contains("Restarting"));
            Thread.sleep(Duration.ofSeconds(3));
        } finally {
            onRouter.destroy();
            onNode.destroy();
        }

        assertThat(router.reaches(PODS)).isTrue();
        assertThat(nodeReaches("203.0.113.0/24")).isTrue();
        assertThat(Files.readString(routerSeen)).doesNotContain("Deleted " + PODS);
        assertThat(Files.readString(nodeSeen)).doesNotContain("Deleted 203.0.113.0/24");
    }

    private boolean nodeReaches(String prefix) {
        return nodeSpace.ip("route", "show", "exact", prefix).contains("proto bird");
    }

    @Test
    void refusedConfigurationLeavesInForceWhatWas() throws Exception {
        router.start(towardsNode(""));
        bird().apply(plain());
        awaitRoute(PODS);

        assertThatThrownBy(() -> bird().apply("protocol nonsense {"))
                .isInstanceOf(BirdException.class)
                .hasMessageContaining("'bird -p' refuses")
                .hasMessageContaining("syntax error");

        assertThat(router.reaches(PODS)).isTrue();
        assertThat(bird().configuration()).contains(plain());
        assertThat(Files.exists(files.candidate())).isFalse();
    }

    @Test
    void wrongPasswordKeepsTheSessionDownUntilItIsRight() throws Exception {
        router.start(towardsNode("password \"right\";"));
        BgpPeer signed = tor(Optional.of("key"), Optional.empty());
        bird().apply(configuration(signed, passwords(Map.of("key", "wrong"))));
        Thread.sleep(Duration.ofSeconds(3));
        assertThat(isEstablished()).isFalse();

        bird().apply(configuration(signed, passwords(Map.of("key", "right"))));

        awaitRoute(PODS);
    }

    @Test
    void onlyAcceptedRoutesAreUsedAndThoseOfOthersAreLeftAlone() throws Exception {
        nodeSpace.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.99", "proto", "107");
        nodeSpace.ip("route", "add", "default", "via", "192.0.2.98");
        router.start(towardsNode("").replace("export none", "export where source = RTS_STATIC") + """
                protocol static { ipv4;
                  route 0.0.0.0/0 via "port1"; route 10.244.1.0/25 via "port1"; route 10.244.2.0/24 via "port1";
                  route 203.0.113.0/24 via "port1"; route 203.0.113.128/25 via "port1"; route 100.64.0.0/10 via "port1"; }
                """);
        PrefixRange[] accept = {
            PrefixRange.of(Cidr.parse("0.0.0.0/0")),
            new PrefixRange(Cidr.parse("203.0.113.0/24"), 24, 25),
            new PrefixRange(Cidr.parse("10.244.0.0/16"), 25, 25)
        };

        bird().apply(configuration(tor(Optional.empty(), Optional.empty(), accept), passwords(Map.of())));
        Await.until(LIMIT, () -> "the node has no route", () -> nodeReaches("203.0.113.128/25"));

        assertThat(nodeSpace.ip("route", "show", "proto", "bird").lines().map(line -> line.replaceFirst(" .*", "")))
                .containsExactlyInAnyOrder("default", "203.0.113.0/24", "203.0.113.128/25");
        assertThat(nodeSpace.ip("route", "get", "203.0.113.5")).contains("via 192.0.2.99");
        assertThat(nodeSpace.ip("route", "get", "100.64.0.1")).contains("via 192.0.2.98");

        bird().end();
        assertThat(nodeSpace.ip("route", "show", "proto", "bird")).isBlank();
        assertThat(nodeSpace.ip("route", "show")).contains("via 192.0.2.99", "via 192.0.2.98");
    }

    @Test
    @RequiresProgram("nft")
    void bfdNoticesTheRoutersDeathWithinASecond() throws Exception {
        router.start(towardsNode("bfd { interval 200 ms; multiplier 3; };") + "protocol bfd { }");
        BgpPeer watched = tor(Optional.empty(), Optional.of(new Bfd(Duration.ofMillis(200), 3)));
        bird().apply(configuration(watched, passwords(Map.of())));
        awaitRoute(PODS);
        Await.until(
                LIMIT,
                () -> "BFD is not up",
                () -> router.ask("show", "bfd", "sessions").contains("Up"));

        Router.silence(routerSpace, "port1");
        Duration took = Await.until(LIMIT, () -> "the router keeps the route", () -> !router.reaches(PODS));

        assertThat(took).isLessThan(Await.onThisMachine(Duration.ofSeconds(1)));
    }

    @Test
    void reflectorTellsOfTheRoutesOfAThousandNodes() throws Exception {
        List<BgpNode> others = new ArrayList<>();
        StringBuilder routes = new StringBuilder();
        for (int i = 0; i < THOUSAND; i++) {
            Cidr block = new Cidr(IpAddress.v4(0x0a800000 + (i << 8)), 24);
            routes.append("route ").append(block).append(" via \"port1\";\n");
            boolean reflector = i == 0;
            others.add(new BgpNode(
                    "other-" + i,
                    reflector ? Labels.of(BgpNode.REFLECTOR_LABEL, "") : Labels.NONE,
                    List.of(reflector ? IpAddress.parse("192.0.2.254") : IpAddress.v4(0xac100000 + i)),
                    Set.of(block)));
        }
        router.start("""
                protocol bgp node { local as 64512; neighbor 192.0.2.1 as 64512; direct; connect delay time 1;
                  rr client; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
                protocol static { ipv4; %s }
                """.formatted(routes));

        bird().apply(BirdConfig.of(
                BgpScene.plan(
                        settings(Mesh.REFLECTORS, true),
                        node(1),
                        others,
                        _ -> true,
                        List.of(),
                        List.of(),
                        List.of(),
                        passwords(Map.of())),
                files));

        Await.until(
                LIMIT,
                () -> "routes: "
                        + nodeSpace.ip("route", "show", "proto", "bird").lines().count(),
                () -> nodeSpace.ip("route", "show", "proto", "bird").lines().count() == THOUSAND);
        awaitRoute(PODS);
        assertThat(bird().sessions()).hasSize(1).allMatch(session -> session.received() == THOUSAND);
    }
}
