package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.ArpPacket.Operation;
import dev.ikat.netlink.packet.NeighbourPacket;
import dev.ikat.netlink.packet.NeighbourPacket.Advertisement;
import dev.ikat.netlink.packet.Packet;
import dev.ikat.netlink.packet.PacketPort;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Three nodes that announce a service's addresses on their link, and a client there that knows nothing of Ikat. */
@RequiresRoot
@RequiresProgram({"nft", "ping"})
final class AnnounceIT {
    private static final Logger LOG = LoggerFactory.getLogger(AnnounceIT.class);
    private static final Duration LIMIT = Duration.ofSeconds(40);

    /** What is said to be below a second is measured, and asserted with room for a busy machine. */
    private static final Duration OUTAGE_LIMIT = Duration.ofSeconds(3);

    private static final int KILLS = 10;
    private static final IpAddress V4 = IpAddress.parse("172.30.0.200");
    private static final IpAddress V6 = IpAddress.parse("fd00:30::200");
    private static final int SERVER_PORT = 7000;
    private static final String CLAIMANT = "02:00:00:00:00:66";

    private Cluster cluster;
    private TestNamespace client;
    private Probe.Server server;

    /** The service's endpoint is outside of the cluster, so that it outlives each node. */
    private void start(String... arguments) {
        cluster = Cluster.create(Cluster.Options.nodes(3).withAgentArguments("--load-balancer-announce=true"));
        client = TestNamespace.create();
        cluster.underlay().attach(client, 0, 100);
        server = Probe.serve(cluster.underlay().namespace(), SERVER_PORT);
        cluster.apply("service.yaml", """
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  type: LoadBalancer
                  clusterIP: 10.96.0.7
                  clusterIPs: [10.96.0.7, "fd96::7"]
                  ipFamilies: [IPv4, IPv6]
                  ports: [{port: 80}]
                status: {loadBalancer: {ingress: [{ip: %s}, {ip: "%s"}]}}
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: web-v4, namespace: default, labels: {kubernetes.io/service-name: web}}
                addressType: IPv4
                ports: [{name: "", protocol: TCP, port: 7000}]
                endpoints: [{addresses: [172.30.0.1], conditions: {ready: true}}]
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: web-v6, namespace: default, labels: {kubernetes.io/service-name: web}}
                addressType: IPv6
                ports: [{name: "", protocol: TCP, port: 7000}]
                endpoints: [{addresses: ["fd00:30::1"], conditions: {ready: true}}]
                """.formatted(V4, V6));
        cluster.nodes().forEach(node -> node.startAgent(arguments));
        cluster.nodes().forEach(node -> node.awaitReady(Cluster.READY_LIMIT));
        cluster.nodes().forEach(node -> awaitStatus(node, "this node takes part, hears 2 others"));
    }

    @AfterEach
    void remove() {
        server.close();
        client.close();
        cluster.close();
    }

    private static void awaitStatus(ClusterNode node, String words) {
        Await.until(
                LIMIT,
                () -> "no '" + words + "' in " + node.status().stdout() + node.logTail(),
                () -> node.status().stdout().contains(words));
    }

    private static MacAddress mac(ClusterNode node) {
        return MacAddress.parse(node.namespace()
                .ipJson("link", "show", "eth0")
                .get(0)
                .get("address")
                .text());
    }

    private static int index(TestNamespace namespace) {
        return (int)
                namespace.ipJson("link", "show", "eth0").get(0).get("ifindex").number();
    }

    private PacketPort open(TestNamespace namespace) {
        int index = index(namespace);
        try (NetworkNamespace entered = NetworkNamespace.open(namespace.path())) {
            return entered.call(() -> PacketPort.open(
                    index,
                    List.of(
                            Map.entry(ArpPacket.PROTOCOL, ArpPacket.FILTER),
                            Map.entry(NeighbourPacket.PROTOCOL, NeighbourPacket.FILTER))));
        }
    }

    /** The stations that answer the client's kernel when it asks for the address. */
    private Set<MacAddress> answering(IpAddress address) {
        try (PacketPort port = open(client)) {
            client.runner("ip", "neighbour", "del", address.toString(), "dev", "eth0")
                    .run();
            Process ping = client.runner("ping", "-c", "2", address.toString()).startInBackground(Path.of("/dev/null"));
            Set<MacAddress> stations = new HashSet<>();
            for (long end = System.nanoTime() + 1_500_000_000L; System.nanoTime() < end; ) {
                for (Packet packet : port.poll(Duration.ofMillis(100))) {
                    boolean answers = address.family() == IpFamily.IPV4
                            ? ArpPacket.read(packet.payload())
                                    .filter(arp -> arp.operation() == Operation.REPLY
                                            && arp.senderIp().equals(address)
                                            && !arp.targetIp().equals(address))
                                    .isPresent()
                            : NeighbourPacket.read(packet.payload())
                                    .filter(read -> read instanceof Advertisement told
                                            && told.target().equals(address)
                                            && told.solicited())
                                    .isPresent();
                    if (answers) {
                        stations.add(packet.from());
                    }
                }
            }
            ping.destroy();
            return stations;
        }
    }

    private ClusterNode owner(IpAddress address) {
        MacAddress known = MacAddress.parse(client.ipJson("neighbour", "show", address.toString())
                .get(0)
                .get("lladdr")
                .text());
        return cluster.nodes().stream()
                .filter(node -> mac(node).equals(known))
                .findFirst()
                .orElseThrow();
    }

    private void awaitReached(IpAddress address) {
        List<Probe.Target> targets = List.of(Probe.Target.tcp(client, address, 80));
        Await.until(
                LIMIT,
                () -> "not reached: " + address + client.ip("neighbour")
                        + cluster.node(0).status().stdout(),
                () -> Probe.failures(targets, Duration.ofSeconds(2)).isEmpty());
    }

    /** How long no connection of the client is accepted, from now on. */
    private Duration outage(IpAddress address) {
        long start = System.nanoTime();
        InetSocketAddress destination = new InetSocketAddress(address.toInetAddress(), 80);
        try (NetworkNamespace namespace = NetworkNamespace.open(client.path())) {
            return namespace.call(() -> {
                while (System.nanoTime() - start < LIMIT.toNanos()) {
                    try (Socket socket = new Socket()) {
                        socket.connect(destination, 50);
                        return Duration.ofNanos(System.nanoTime() - start);
                    } catch (IOException e) {
                        // Not yet: a connection attempt of its own is sooner than the kernel's next SYN.
                        Thread.onSpinWait();
                    }
                }
                throw new AssertionError("no connection to " + address + " within " + LIMIT);
            });
        }
    }

    private void cable(ClusterNode node, String state) {
        int number = cluster.nodes().indexOf(node) + 1;
        cluster.underlay().namespace().ip("link", "set", "port" + number, state);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void oneNodeAnswersForEachAddressAndTheStatusSaysWhich(String backend) {
        start("--services=true", "--policy-backend=" + backend);

        for (IpAddress address : List.of(V4, V6)) {
            awaitReached(address);
            assertThat(answering(address)).hasSize(1);
            ClusterNode owner = owner(address);
            for (ClusterNode node : cluster.nodes()) {
                assertThat(node.status().stdout())
                        .contains(address + " on eth0: announced by " + (node == owner ? "this node" : owner.name()));
            }
            assertThat(owner.metrics()).contains("ikat_announce_addresses{link=\"eth0\"}");
            assertThat(owner.logLines())
                    .anyMatch(line -> line.contains("event=address-announced") && line.contains(address.toString()));
        }
    }

    @Test
    void clientReachesTheServiceSoonAfterANodeHasDied() {
        start("--services=true");
        List<Duration> outages = new ArrayList<>();
        for (int i = 0; i < KILLS; i++) {
            IpAddress address = i % 2 == 0 ? V4 : V6;
            awaitReached(address);
            ClusterNode owner = owner(address);
            cable(owner, "down");
            outages.add(outage(address));
            assertThat(owner(address)).isNotEqualTo(owner);
            cable(owner, "up");
            awaitStatus(owner, "hears 2 others");
        }
        List<Long> sorted = outages.stream().map(Duration::toMillis).sorted().toList();
        LOG.atInfo()
                .addKeyValue("kills", KILLS)
                .addKeyValue("median-ms", sorted.get(KILLS / 2))
                .addKeyValue("max-ms", sorted.getLast())
                .addKeyValue("all-ms", sorted)
                .log("outage-after-a-nodes-death");
        assertThat(outages).allSatisfy(outage -> assertThat(outage).isLessThan(OUTAGE_LIMIT));
    }

    @Test
    void agentThatIsKilledStoppedOrExcludedLeavesItsAddressesToOthers() {
        start("--services=true");
        awaitReached(V4);
        ClusterNode killed = owner(V4);
        killed.killAgent();
        Duration afterDeath = outageUntilAnsweredByAnother(killed);
        killed.startAgent("--services=true");
        killed.awaitReady(Cluster.READY_LIMIT);
        awaitStatus(killed, V4 + " on eth0: announced by this node");

        killed.stopAgent();
        Duration afterFarewell = outageUntilAnsweredByAnother(killed);
        killed.startAgent("--services=true");
        killed.awaitReady(Cluster.READY_LIMIT);
        awaitStatus(killed, V4 + " on eth0: announced by this node");

        LOG.atInfo()
                .addKeyValue("killed-ms", afterDeath.toMillis())
                .addKeyValue("stopped-ms", afterFarewell.toMillis())
                .log("address-moved");
        assertThat(afterDeath).isLessThan(OUTAGE_LIMIT);
        assertThat(afterFarewell).isLessThan(OUTAGE_LIMIT);

        cluster.apply(
                killed.name() + ".yaml",
                killed.manifest()
                        .replace(
                                "metadata:\n",
                                "metadata:\n  labels: {node.kubernetes.io/exclude-from-external-load-balancers: \"\"}\n"));
        awaitStatus(killed, "takes no part: the node has the label");
        assertThat(answering(V4)).hasSize(1).doesNotContain(mac(killed));
    }

    /** How long it takes until the client is told of another node. */
    private Duration outageUntilAnsweredByAnother(ClusterNode before) {
        long start = System.nanoTime();
        MacAddress old = mac(before);
        Await.until(
                LIMIT,
                () -> client.ip("neighbour"),
                () -> !client.ip("neighbour", "show", V4.toString()).contains(old.toString()));
        return Duration.ofNanos(System.nanoTime() - start);
    }

    @Test
    void hostThatClaimsAnAddressIsNamedAndTheAddressDefended() {
        start("--services=true");
        awaitReached(V4);
        ClusterNode owner = owner(V4);
        try (PacketPort port = open(client)) {
            port.send(
                    ArpPacket.PROTOCOL,
                    ArpPacket.BROADCAST,
                    ArpPacket.announcement(V4, MacAddress.parse(CLAIMANT)).bytes());
        }

        awaitStatus(owner, V4 + " is also claimed by the host with the link-layer address " + CLAIMANT);
        assertThat(owner.metrics()).contains("ikat_announce_conflicts 1");
        assertThat(owner.logLines())
                .anyMatch(line -> line.contains("event=address-conflict") && line.contains(CLAIMANT));
        assertThat(cluster.nodes().stream()
                        .filter(node -> node != owner)
                        .map(node -> node.metrics().contains("ikat_announce_conflicts 0"))
                        .collect(Collectors.toSet()))
                .containsExactly(true);
        awaitReached(V4);
    }

    @Test
    void withPolicyLocalANodeWithAnEndpointAnnounces() {
        start("--services=true");
        for (String holder : List.of("node-2", "node-3")) {
            cluster.apply("local.yaml", """
                    apiVersion: v1
                    kind: Service
                    metadata: {name: local, namespace: default}
                    spec:
                      type: LoadBalancer
                      clusterIP: 10.96.0.8
                      externalTrafficPolicy: Local
                      ports: [{port: 80}]
                    status: {loadBalancer: {ingress: [{ip: 172.30.0.201}]}}
                    ---
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata: {name: local-v4, namespace: default, labels: {kubernetes.io/service-name: local}}
                    addressType: IPv4
                    ports: [{name: "", protocol: TCP, port: 7000}]
                    endpoints: [{addresses: [10.244.2.9], conditions: {ready: true}, nodeName: %s}]
                    """.formatted(holder));
            awaitStatus(cluster.node(0), "172.30.0.201 on eth0: announced by " + holder);
        }
        cluster.delete("local.yaml");
        Await.until(
                LIMIT,
                () -> cluster.node(0).status().stdout(),
                () -> !cluster.node(0).status().stdout().contains("172.30.0.201"));
        Set<String> seen = new TreeSet<>();
        cluster.nodes().forEach(node -> seen.add(node.status().stdout().contains("fault:") ? "faulty" : "sound"));
        assertThat(seen).containsExactly("sound");
    }
}
