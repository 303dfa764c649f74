package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Cidr;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents as processes that speak BGP to each other, and to a router. */
@RequiresRoot
@RequiresProgram({"bird", "birdc", "nft"})
final class BgpIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private Cluster cluster;

    private void start(Cluster.Options options, String... arguments) {
        cluster = Cluster.start(options.withAgentArguments(bgp(arguments)));
    }

    private String[] bgp(String... arguments) {
        List<String> all = new ArrayList<>(List.of("--bgp=true", "--bgp-password-dir=" + directory));
        all.addAll(List.of(arguments));
        return all.toArray(String[]::new);
    }

    /** Two nodes whose agents can be started with other options later. */
    private void startTwo() {
        cluster = Cluster.create(Cluster.Options.nodes(2));
        cluster.nodes().forEach(node -> node.startAgent(bgp("--overlay=bgp")));
        cluster.nodes().forEach(node -> node.awaitReady(Cluster.READY_LIMIT));
    }

    @AfterEach
    void remove() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private static String routesTo(ClusterNode from, ClusterNode to) {
        StringBuilder routes = new StringBuilder();
        for (Cidr cidr : to.podCidrs()) {
            routes.append(from.namespace()
                    .ip(cidr.toString().contains(":") ? "-6" : "-4", "route", "show", "exact", cidr.toString()));
        }
        return routes.toString();
    }

    private static void awaitRoutes(ClusterNode from, ClusterNode to, String words) {
        Await.until(
                LIMIT,
                () -> from + " has no such routes to " + to + ": " + routesTo(from, to)
                        + from.status().stdout() + from.logTail(),
                () -> routesTo(from, to)
                                .lines()
                                .filter(line -> line.contains(words))
                                .count()
                        == 2);
    }

    private static void awaitStatus(ClusterNode node, String words) {
        Await.until(
                LIMIT,
                () -> "no '" + words + "' in " + node.status().stdout() + node.logTail(),
                () -> node.status().stdout().contains(words));
    }

    @Test
    void podsOfNodesOnOneLinkReachEachOtherByBgpAndOthersThroughTheTunnel() {
        start(Cluster.Options.nodes(3).withSubnets(0, 0, 1), "--overlay=bgp");
        cluster.nodes().forEach(node -> node.addPod("on-" + node));
        awaitRoutes(cluster.node(0), cluster.node(1), "proto bird");
        awaitRoutes(cluster.node(1), cluster.node(0), "proto bird");

        NodeWitness.assertAllPairsConnect(cluster);

        assertThat(routesTo(cluster.node(0), cluster.node(1)))
                .contains("dev eth0")
                .doesNotContain("ikat-vxlan");
        assertThat(routesTo(cluster.node(0), cluster.node(2)).lines())
                .hasSize(2)
                .allMatch(line -> line.contains("dev ikat-vxlan"));
        // The agent looks at BIRD's sessions now and then.
        Await.until(
                LIMIT,
                () -> "the session is not up in " + cluster.node(0).metrics(),
                () -> cluster.node(0).metrics().contains("ikat_bgp_session_up{session=\"node-node-2\"} 1"));
    }

    @Test
    void withoutAnOverlayPodsReachEachOtherByBgpAlone() {
        start(Cluster.Options.nodes(2), "--overlay=none", "--bgp-bfd=300ms");
        cluster.nodes().forEach(node -> node.addPod("on-" + node));
        awaitRoutes(cluster.node(0), cluster.node(1), "proto bird");
        awaitRoutes(cluster.node(1), cluster.node(0), "proto bird");

        NodeWitness.assertAllPairsConnect(cluster);

        assertThat(cluster.node(0).namespace().linkNames()).doesNotContain("ikat-vxlan");
    }

    @Test
    void agentThatIsKilledOrStoppedWithdrawsNothing() throws IOException {
        start(Cluster.Options.nodes(2), "--overlay=bgp");
        ClusterNode restarted = cluster.node(0);
        ClusterNode witness = cluster.node(1);
        awaitRoutes(witness, restarted, "proto bird");
        awaitRoutes(restarted, witness, "proto bird");
        awaitStatus(restarted, "2 of 2 sessions established");
        long bird = restarted.bird().orElseThrow().pid();
        Path seen = directory.resolve("seen");
        Process monitor = witness.namespace().runner("ip", "monitor", "route").startInBackground(seen);
        try {
            restarted.killAgent();
            restarted.startAgent();
            restarted.awaitReady(Cluster.READY_LIMIT);
            awaitStatus(restarted, "2 of 2 sessions established");
            restarted.stopAgent();
            restarted.startAgent();
            restarted.awaitReady(Cluster.READY_LIMIT);
            awaitStatus(restarted, "2 of 2 sessions established");
        } finally {
            monitor.destroy();
        }

        assertThat(restarted.bird().orElseThrow().pid()).isEqualTo(bird);
        assertThat(Files.readString(seen)).doesNotContain("Deleted");
        assertThat(routesTo(witness, restarted)).contains("proto bird");
    }

    @Test
    void birdThatDiesIsStartedAgainAndNoRouteIsWithdrawn() throws IOException {
        start(Cluster.Options.nodes(2), "--overlay=bgp");
        ClusterNode node = cluster.node(0);
        ClusterNode witness = cluster.node(1);
        awaitRoutes(witness, node, "proto bird");
        long before = node.bird().orElseThrow().pid();
        Path seen = directory.resolve("seen");
        Process monitor = witness.namespace().runner("ip", "monitor", "route").startInBackground(seen);
        try {
            node.bird().ifPresent(ProcessHandle::destroyForcibly);
            Await.until(
                    LIMIT,
                    () -> "BIRD is not started again: " + node.logTail(),
                    () -> node.bird().filter(bird -> bird.pid() != before).isPresent());
            awaitStatus(node, "2 of 2 sessions established");
        } finally {
            monitor.destroy();
        }

        assertThat(Files.readString(seen).lines().filter(line -> line.startsWith("Deleted 10.244.1.0/24")))
                .isEmpty();
        assertThat(node.isReady()).isTrue();
    }

    @Test
    void withoutBgpBirdIsEndedAndItsRoutesAreGone() {
        startTwo();
        ClusterNode node = cluster.node(0);
        awaitRoutes(cluster.node(1), node, "proto bird");

        node.stopAgent();
        node.startAgent();
        node.awaitReady(Cluster.READY_LIMIT);

        Await.until(
                LIMIT,
                () -> "routes are still there: " + routesTo(cluster.node(1), node),
                () -> routesTo(cluster.node(1), node).isBlank());
        assertThat(node.bird()).isEmpty();
        assertThat(node.status().stdout()).doesNotContain("bgp ");
    }

    @Test
    void routesOfABirdThatWasKilledGoWhenBgpIsTurnedOff() {
        startTwo();
        ClusterNode node = cluster.node(0);
        awaitRoutes(node, cluster.node(1), "proto bird");
        node.stopAgent();
        node.bird().ifPresent(bird -> {
            bird.destroyForcibly();
            bird.onExit().join();
        });
        assertThat(routesTo(node, cluster.node(1))).contains("proto bird");

        node.startAgent();
        node.awaitReady(Cluster.READY_LIMIT);

        assertThat(routesTo(node, cluster.node(1))).doesNotContain("proto bird").contains("ikat-vxlan");
    }

    @Test
    void nodesHearOfEachOtherFromReflectors() {
        start(Cluster.Options.nodes(3), "--overlay=bgp", "--bgp-mesh=reflectors");
        awaitStatus(cluster.node(0), "no node has the label ikat.dev/bgp-route-reflector");
        ClusterNode reflector = cluster.node(2);
        cluster.apply(
                reflector.name() + ".yaml",
                reflector
                        .manifest()
                        .replace("metadata:\n", "metadata:\n  labels: {ikat.dev/bgp-route-reflector: \"\"}\n"));

        awaitRoutes(cluster.node(0), cluster.node(1), "proto bird");
        awaitRoutes(cluster.node(1), cluster.node(0), "proto bird");

        awaitStatus(cluster.node(0), "2 of 2 sessions established");
        assertThat(routesTo(cluster.node(0), cluster.node(1)))
                .contains("via " + cluster.node(1).internalIps().getFirst().address());
    }

    @Test
    void objectThatMakesNoSenseIsNamedAndWhatWasInForceStays() throws IOException {
        Files.writeString(directory.resolve("right"), "secret");
        start(Cluster.Options.nodes(1));
        ClusterNode node = cluster.node(0);
        cluster.apply("peer.yaml", peer("172.30.0.1", "passwordKey: right"));
        awaitStatus(node, "peer-router");

        cluster.apply("peer.yaml", peer("172.30.0.9", "passwordKey: wrong"));

        awaitStatus(node, "fault: BgpPeer router: spec.passwordKey: the password 'wrong' is missing");
        assertThat(Files.readString(node.fromHere(node.runDirectory()).resolve("bgp/bird.conf")))
                .contains("neighbor 172.30.0.1 ", "password \"secret\"");
        assertThat(node.metrics()).contains("ikat_bgp_object_faults 1");
        assertThat(node.logLines()).anyMatch(line -> line.contains("event=bgp-object-refused"));

        cluster.apply("peer.yaml", peer(node.internalIps().getFirst().address().toString(), ""));
        awaitStatus(node, "is node node-1 itself");
        assertThat(node.isReady()).isTrue();
        assertThat(String.join("\n", node.logLines())).doesNotContain("secret");
    }

    private static String peer(String address, String more) {
        return """
                apiVersion: ikat.dev/v1alpha1
                kind: BgpPeer
                metadata: {name: router}
                spec:
                  address: %s
                  as: 64500
                  %s
                """.formatted(address, more);
    }

    @Test
    void speakerOfTheHostsOwnIsNamedAndNotFought() throws IOException {
        cluster = Cluster.create(
                Cluster.Options.nodes(1).withAgentArguments("--bgp=true", "--bgp-password-dir=" + directory));
        ClusterNode node = cluster.node(0);
        Path own = directory.resolve("own");
        Files.writeString(own, """
                router id 1.2.3.4;
                protocol device {}
                protocol kernel { ipv4 { export all; }; }
                protocol static { ipv4; route 203.0.113.0/24 via "eth0"; }
                protocol bgp { local as 1; neighbor 172.30.0.9 as 2; ipv4 { export none; import none; }; }
                """);
        Process bird = node.namespace()
                .runner(
                        "bird",
                        "-f",
                        "-c",
                        own.toString(),
                        "-s",
                        directory.resolve("ctl").toString())
                .startInBackground(directory.resolve("log"));
        try {
            Await.until(
                    LIMIT,
                    () -> "no route of the host's own",
                    () -> node.namespace().ip("route").contains("203.0.113.0/24"));
            cluster.startAgents();

            awaitStatus(node, "another program listens at TCP port 179");
            assertThat(node.bird()).isEmpty();
            assertThat(node.namespace().ip("route")).contains("203.0.113.0/24");
        } finally {
            bird.destroy();
        }
        awaitStatus(node, "BIRD answers");
    }

    @Test
    void routerIsToldOfPodsAndOfServicesThatHaveEndpointsHere() throws IOException {
        Path conf = directory.resolve("router");
        Files.writeString(conf, """
                router id 172.30.0.1;
                protocol device {}
                protocol direct { ipv4; }
                protocol kernel { merge paths on; ipv4 { export where source = RTS_BGP; import none; }; }
                template bgp nodes { local as 64500; ipv4 { import all; export none; }; connect delay time 1; }
                protocol bgp n1 from nodes { neighbor 172.30.0.11 as 64512; }
                protocol bgp n2 from nodes { neighbor 172.30.0.12 as 64512; }
                """);
        start(Cluster.Options.nodes(2));
        Process router = cluster.underlay()
                .namespace()
                .runner(
                        "bird",
                        "-f",
                        "-c",
                        conf.toString(),
                        "-s",
                        directory.resolve("ctl").toString())
                .startInBackground(directory.resolve("log"));
        try {
            cluster.apply("peer.yaml", peer("172.30.0.1", ""));
            cluster.apply("advertisement.yaml", """
                    apiVersion: ikat.dev/v1alpha1
                    kind: BgpAdvertisement
                    metadata: {name: all}
                    spec: {podCidrs: true, services: [LoadBalancerIP]}
                    """);
            cluster.apply("service.yaml", service("Cluster"));

            awaitOnRouter("10.244.1.0/24", "via 172.30.0.11");
            awaitOnRouter("10.244.2.0/24", "via 172.30.0.12");
            awaitOnRouter("203.0.113.77", "nexthop via 172.30.0.11");
            awaitOnRouter("203.0.113.77", "nexthop via 172.30.0.12");

            cluster.apply("slice.yaml", """
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
                    addressType: IPv4
                    ports: [{name: "", protocol: TCP, port: 80}]
                    endpoints: [{addresses: [10.244.2.9], conditions: {ready: true}, nodeName: node-2}]
                    """);
            cluster.apply("service.yaml", service("Local"));
            Await.until(
                    LIMIT,
                    () -> "not from node-2 alone: " + onRouter("203.0.113.77"),
                    () -> Stream.of(onRouter("203.0.113.77"))
                            .allMatch(route -> route.contains("via 172.30.0.12") && !route.contains("172.30.0.11")));
        } finally {
            router.destroy();
        }
    }

    private static String service(String policy) {
        return """
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  type: LoadBalancer
                  clusterIP: 10.96.0.7
                  externalTrafficPolicy: %s
                  ports: [{port: 80}]
                status: {loadBalancer: {ingress: [{ip: 203.0.113.77}]}}
                """.formatted(policy);
    }

    private String onRouter(String destination) {
        return cluster.underlay().namespace().ip("route", "show", "exact", destination);
    }

    private void awaitOnRouter(String destination, String words) {
        Await.until(
                LIMIT,
                () -> "the router has no '" + words + "' for " + destination + ": " + onRouter(destination)
                        + cluster.node(0).status().stdout(),
                () -> onRouter(destination).contains(words));
    }
}
