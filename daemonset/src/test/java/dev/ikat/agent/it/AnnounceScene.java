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
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Three nodes that announce a service's addresses on their link, and a client there that knows nothing of Ikat. */
@RequiresRoot
@RequiresProgram({"nft", "ping"})
abstract class AnnounceScene {
    static final Duration LIMIT = Duration.ofSeconds(40);

    static final IpAddress V4 = IpAddress.parse("172.30.0.200");
    static final IpAddress V6 = IpAddress.parse("fd00:30::200");
    private static final int SERVER_PORT = 7000;

    Cluster cluster;
    TestNamespace client;
    private Probe.Server server;

    /** The service's endpoint is outside of the cluster, so that it outlives each node. */
    void start(String... arguments) {
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

    void remove() {
        server.close();
        client.close();
        cluster.close();
    }

    static void awaitStatus(ClusterNode node, String words) {
        Await.until(
                LIMIT,
                () -> "no '" + words + "' in " + node.status().stdout() + node.logTail(),
                () -> node.status().stdout().contains(words));
    }

    static MacAddress mac(ClusterNode node) {
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

    PacketPort open(TestNamespace namespace) {
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
    Set<MacAddress> answering(IpAddress address) {
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

    ClusterNode owner(IpAddress address) {
        MacAddress known = MacAddress.parse(client.ipJson("neighbour", "show", address.toString())
                .get(0)
                .get("lladdr")
                .text());
        return cluster.nodes().stream()
                .filter(node -> mac(node).equals(known))
                .findFirst()
                .orElseThrow();
    }

    void awaitReached(IpAddress address) {
        List<Probe.Target> targets = List.of(Probe.Target.tcp(client, address, 80));
        Await.until(
                LIMIT,
                () -> "not reached: " + address + client.ip("neighbour")
                        + cluster.node(0).status().stdout(),
                () -> Probe.failures(targets, Duration.ofSeconds(2)).isEmpty());
    }

    /** One node answers for each of the service's addresses, and the status of each node says which. */
    void assertOneAnswers() {
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
}
