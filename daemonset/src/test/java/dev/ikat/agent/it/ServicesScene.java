package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;

/** Two nodes without a kube-proxy, with a service of two servers, one on each node, and two clients on the first. */
@RequiresRoot
@RequiresProgram({"nft", "ipset", "conntrack", "curl"})
abstract class ServicesScene {
    static final Duration LIMIT = Duration.ofSeconds(10);
    static final Duration PROBE_LIMIT = Duration.ofSeconds(3);
    static final IpAddress IPV4 = IpAddress.parse("10.96.0.80");
    static final IpAddress IPV6 = IpAddress.parse("fd96::80");
    static final int PORT = 80;
    static final int NODE_PORT = 30_080;

    Cluster cluster;
    ClusterPod client;
    ClusterPod stranger;
    ClusterPod near;
    ClusterPod far;

    /** Two servers, one on each node, and two clients on the first. */
    void start(String... agentArguments) {
        cluster = Cluster.create(Cluster.Options.nodes(2));
        service("");
        cluster.nodes().forEach(node -> node.startAgent(agentArguments));
        cluster.nodes().forEach(node -> node.awaitReady(Cluster.READY_LIMIT));
        client = cluster.node(0).addPod("client");
        stranger = cluster.node(0).addPod("stranger");
        near = cluster.node(0).addPod("near");
        far = cluster.node(1).addPod("far");
        near.serve();
        far.serve();
        for (ClusterPod pod : cluster.pods()) {
            cluster.apply(
                    pod.name() + ".yaml",
                    Manifests.pod(
                            "default",
                            pod.name(),
                            "{app: " + pod.name() + "}",
                            pod.node().name(),
                            "[]",
                            pod.addresses()));
        }
        endpoints(near, far);
    }

    /** @param more a line of its specification */
    void service(String more) {
        cluster.apply("service.yaml", """
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  type: NodePort
                  clusterIP: %1$s
                  clusterIPs: ["%1$s", "%2$s"]
                  ipFamilies: [IPv4, IPv6]
                  %4$s
                  ports:
                    - {name: tcp, protocol: TCP, port: 80, nodePort: %3$d}
                    - {name: udp, protocol: UDP, port: 80, nodePort: %3$d}
                """.formatted(IPV4, IPV6, NODE_PORT, more));
    }

    @AfterEach
    void remove() {
        cluster.close();
    }

    void endpoints(ClusterPod... pods) {
        StringBuilder slices = new StringBuilder();
        for (IpFamily family : IpFamily.values()) {
            slices.append("""
                    ---
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata: {name: web-%s, namespace: default, labels: {kubernetes.io/service-name: web}}
                    addressType: %s
                    ports:
                      - {name: tcp, protocol: TCP, port: 7000}
                      - {name: udp, protocol: UDP, port: 7000}
                    endpoints: %s
                    """.formatted(
                            family == IpFamily.IPV4 ? "v4" : "v6",
                            family == IpFamily.IPV4 ? "IPv4" : "IPv6",
                            Stream.of(pods)
                                    .map(pod -> "{addresses: [\"%s\"], conditions: {ready: true}, nodeName: %s}"
                                            .formatted(
                                                    pod.address(family).orElseThrow(),
                                                    pod.node().name()))
                                    .collect(Collectors.joining(", ", "[", "]"))));
        }
        cluster.apply("slices.yaml", slices.toString());
    }

    /** Several of each kind, so that each server is tried. */
    static List<Probe.Target> targets(TestNamespace from, int port, IpAddress... addresses) {
        List<Probe.Target> targets = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            for (IpAddress address : addresses) {
                targets.add(Probe.Target.tcp(from, address, port));
                targets.add(Probe.Target.udp(from, address, port));
            }
        }
        return targets;
    }

    static void awaitReached(List<Probe.Target> targets) {
        Await.until(
                LIMIT,
                () -> Probe.failures(targets, PROBE_LIMIT).toString(),
                () -> Probe.failures(targets, PROBE_LIMIT).isEmpty());
    }

    static void assertNoneReached(List<Probe.Target> targets) {
        assertThat(Probe.check(targets, _ -> false, PROBE_LIMIT, Duration.ofMillis(300)))
                .noneMatch(Probe.Outcome::reached);
    }

    String status(int node) {
        return cluster.node(node).status().stdout();
    }

    /** On the first node, in both families. */
    void awaitBackends(int count) {
        Await.until(LIMIT, () -> status(0), () -> status(0).contains(", " + count + " backends"));
    }

    static DatagramSocket datagramSocket() {
        try {
            return new DatagramSocket();
        } catch (SocketException e) {
            throw new UncheckedIOException(e);
        }
    }

    static boolean isAnswered(DatagramSocket socket) {
        try {
            socket.send(new DatagramPacket(new byte[] {1}, 1));
            socket.receive(new DatagramPacket(new byte[1], 1));
            return true;
        } catch (IOException e) {
            // Not yet: refused, or no answer in time.
            return false;
        }
    }
}
