package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.packet.ArpPacket;
import dev.ikat.netlink.packet.PacketPort;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One cluster for all of them: each leaves it with all nodes taking part. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AnnounceIT extends AnnounceScene {
    private static final Logger LOG = LoggerFactory.getLogger(AnnounceIT.class);

    /** What is said to be below a second is measured, and asserted with room for a busy machine. */
    private static final Duration OUTAGE_LIMIT = Duration.ofSeconds(3);

    private static final int KILLS = 4;
    private static final String CLAIMANT = "02:00:00:00:00:66";

    @BeforeAll
    void startAll() {
        start("--services=true");
    }

    @AfterAll
    void removeAll() {
        remove();
    }

    @BeforeEach
    void awaitAll() {
        cluster.nodes().forEach(node -> awaitStatus(node, "this node takes part, hears 2 others"));
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

    @Test
    void oneNodeAnswersForEachAddressAndTheStatusSaysWhich() {
        assertOneAnswers();
    }

    @Test
    void clientReachesTheServiceSoonAfterANodeHasDied() {
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
        cluster.publish(killed);
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
    }
}
