package dev.ikat.testbed.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A small data centre: two racks of nodes, each behind a router at its top that all of its nodes speak BGP to, a router
 * between the racks, and a client beyond that. The routers are BIRD, and watch each other and the nodes by BFD.
 */
public final class Racks implements AutoCloseable {
    /** Where the client is: outside both racks. */
    public static final IpAddress CLIENT = IpAddress.parse("192.0.2.2");

    private static final IpAddress BEFORE_CLIENT = IpAddress.parse("192.0.2.1");
    private static final List<Integer> RACKS = List.of(1, 2);
    private static final int NODES_AS = 64512;
    private static final int CORE_AS = 64500;
    private static final int MULTIPLIER = 3;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern WAY = Pattern.compile("via (\\S+)");

    private final Cluster cluster;
    private final int perRack;
    private final Duration bfd;
    private final TestNamespace client;
    private final Map<String, BirdRouter> routers = new TreeMap<>();

    private Racks(Cluster cluster, int perRack, Duration bfd) {
        this.cluster = cluster;
        this.perRack = perRack;
        this.bfd = bfd;
        this.client = TestNamespace.create();
    }

    /**
     * Creates all namespaces; neither router nor agent runs yet.
     *
     * @param perRack how many nodes each rack has
     * @param bfd how often routers and nodes send each other packets of BFD; three missing ones are too many
     */
    public static Racks create(int perRack, Duration bfd, String... agentArguments) {
        Integer[] subnets = RACKS.stream()
                .flatMap(rack -> Collections.nCopies(perRack, rack).stream())
                .toArray(Integer[]::new);
        Cluster cluster = Cluster.create(Cluster.Options.nodes(subnets.length)
                .withSubnets(subnets)
                .withRacks()
                .withAgentArguments("--bgp=true", "--bgp-as=" + NODES_AS)
                .withAgentArguments(agentArguments));
        try {
            Racks racks = new Racks(cluster, perRack, bfd);
            racks.connectClient();
            racks.describe();
            return racks;
        } catch (RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    private void connectClient() {
        TestNamespace core = cluster.underlay().namespace();
        core.ip("link", "add", "client", "type", "veth", "peer", "name", "eth0", "netns", client.name());
        core.ip("address", "add", BEFORE_CLIENT + "/24", "dev", "client");
        core.ip("link", "set", "client", "up");
        client.ip("address", "add", CLIENT + "/24", "dev", "eth0");
        client.ip("link", "set", "eth0", "up");
        client.ip("route", "add", "default", "via", BEFORE_CLIENT.toString());
    }

    /** Nodes with the labels of their racks, the routers that they are to speak to, and what to announce. */
    private void describe() {
        for (ClusterNode node : cluster.nodes()) {
            cluster.apply(
                    node.name() + ".yaml",
                    node.manifest()
                            .replace("metadata:\n", "metadata:\n  labels: {rack: rack-%d}\n".formatted(rack(node))));
        }
        StringBuilder yaml = new StringBuilder("""
                apiVersion: ikat.dev/v1alpha1
                kind: BgpAdvertisement
                metadata: {name: services}
                spec: {services: [LoadBalancerIP]}
                """);
        for (int rack : RACKS) {
            yaml.append("""
                    ---
                    apiVersion: ikat.dev/v1alpha1
                    kind: BgpPeer
                    metadata: {name: tor-%1$d}
                    spec:
                      nodeSelector: {matchLabels: {rack: rack-%1$d}}
                      address: %2$s
                      as: %3$d
                      bfd: {interval: %4$d, multiplier: %5$d}
                    """.formatted(rack, Underlay.gateway(rack), as(rack), bfd.toMillis(), MULTIPLIER));
        }
        cluster.apply("bgp.yaml", yaml.toString());
    }

    private int rack(ClusterNode node) {
        return RACKS.get(cluster.nodes().indexOf(node) / perRack);
    }

    private static int as(int rack) {
        return CORE_AS + rack;
    }

    private List<ClusterNode> nodesIn(int rack) {
        return cluster.nodes().stream().filter(node -> rack(node) == rack).toList();
    }

    /** Starts the routers. */
    public void startRouters() {
        for (int rack : RACKS) {
            List<String> sessions = new ArrayList<>();
            nodesIn(rack)
                    .forEach(node -> sessions.add(session(
                            node.name().replace('-', '_'),
                            as(rack),
                            node.internalIps().getFirst().address(),
                            NODES_AS,
                            "import all; export none;")));
            sessions.add(session(
                    "core",
                    as(rack),
                    Underlay.between(rack, 1),
                    CORE_AS,
                    "import none; export where source = RTS_BGP; next hop self;"));
            start("tor-" + rack, cluster.underlay().router(rack), Underlay.gateway(rack), sessions);
        }
        start(
                "core",
                cluster.underlay().namespace(),
                BEFORE_CLIENT,
                RACKS.stream()
                        .map(rack -> session(
                                "tor_" + rack,
                                CORE_AS,
                                Underlay.between(rack, 2),
                                as(rack),
                                "import all; export none;"))
                        .toList());
    }

    private String session(String name, int as, IpAddress neighbour, int its, String routes) {
        return """
                protocol bgp %s {
                  local as %d; neighbor %s as %d; direct;
                  bfd { interval %d ms; multiplier %d; };
                  connect delay time 1; connect retry time 1; error wait time 1, 2;
                  ipv4 { %s };
                }
                """.formatted(name, as, neighbour, its, bfd.toMillis(), MULTIPLIER, routes);
    }

    private void start(String name, TestNamespace namespace, IpAddress id, List<String> sessions) {
        Path directory = cluster.directory().directory(name);
        routers.put(
                name, BirdRouter.start(namespace, directory, """
                log "%s/routes.log" { warning, error, fatal, bug };
                router id %s;
                protocol device { scan time 1; }
                protocol direct { ipv4; }
                protocol bfd { }
                protocol kernel { merge paths on; ipv4 { import none; export where source = RTS_BGP; }; }
                %s""".formatted(directory, id, String.join("", sessions))));
    }

    /** The nodes, and the directory of manifests. */
    public Cluster cluster() {
        return cluster;
    }

    /** Who asks from outside. */
    public TestNamespace client() {
        return client;
    }

    /** The names of the routers: that between the racks, and that of each rack. */
    public List<String> routers() {
        return List.copyOf(routers.keySet());
    }

    /** The autonomous system of a router, or the nodes' for another name. */
    public int as(String router) {
        return switch (router) {
            case "core" -> CORE_AS;
            case "tor-1" -> as(1);
            case "tor-2" -> as(2);
            default -> NODES_AS;
        };
    }

    /** By whom a router's kernel reaches an address, in order. */
    public List<String> ways(String router, IpAddress destination) {
        BirdRouter asked = routers.get(router);
        if (asked == null) {
            throw new IllegalArgumentException("no router " + router);
        }
        List<String> names = new ArrayList<>();
        Matcher way = WAY.matcher(asked.namespace().ip("route", "show", "exact", destination.toString()));
        while (way.find()) {
            names.add(name(IpAddress.parse(way.group(1))));
        }
        return names.stream().sorted().toList();
    }

    /** Who has this address towards the routers. */
    private String name(IpAddress address) {
        Stream<String> tops = RACKS.stream()
                .filter(rack -> address.equals(Underlay.between(rack, 2)))
                .map(rack -> "tor-" + rack);
        Stream<String> nodes = cluster.nodes().stream()
                .filter(node -> node.internalIps().getFirst().address().equals(address))
                .map(ClusterNode::name);
        return Stream.concat(tops, nodes).findFirst().orElse(address.toString());
    }

    /** Waits until each router reaches an address by all racks and nodes but these; returns how long that took. */
    public Duration awaitWays(IpAddress destination, ClusterNode... without) {
        return Await.until(
                LIMIT,
                () -> "the ways to %s are %s; %s"
                        .formatted(
                                destination,
                                routers().stream()
                                        .map(router -> router + " " + ways(router, destination))
                                        .toList(),
                                cluster.node(0).status().stdout()),
                () -> routers().stream()
                        .allMatch(router -> ways(router, destination).equals(wanted(router, List.of(without)))));
    }

    private List<String> wanted(String router, List<ClusterNode> without) {
        return RACKS.stream()
                .filter(rack -> router.equals("core") || router.equals("tor-" + rack))
                .flatMap(rack -> {
                    List<String> nodes = nodesIn(rack).stream()
                            .filter(node -> !without.contains(node))
                            .map(ClusterNode::name)
                            .toList();
                    return router.equals("core") ? Stream.of("tor-" + rack) : nodes.stream();
                })
                .sorted()
                .toList();
    }

    /**
     * Ends a node as the loss of its power does, as far as others can tell: it is cut off, its agent and BIRD killed.
     */
    public void kill(ClusterNode node) {
        cluster.underlay().setConnected(node.namespace(), false);
        node.killAgent();
        node.bird().ifPresent(bird -> {
            bird.destroyForcibly();
            bird.onExit().join();
        });
    }

    /** Has it come back; its agent starts. */
    public void revive(ClusterNode node) {
        cluster.underlay().setConnected(node.namespace(), true);
        node.startAgent();
    }

    @Override
    public void close() {
        routers.values().forEach(BirdRouter::close);
        client.close();
        cluster.close();
    }
}
