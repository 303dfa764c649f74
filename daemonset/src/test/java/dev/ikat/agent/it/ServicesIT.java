package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
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
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Services on two nodes without a kube-proxy. */
@RequiresRoot
@RequiresProgram({"nft", "ipset", "conntrack"})
final class ServicesIT {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Duration PROBE_LIMIT = Duration.ofSeconds(3);
    private static final IpAddress IPV4 = IpAddress.parse("10.96.0.80");
    private static final IpAddress IPV6 = IpAddress.parse("fd96::80");
    private static final int PORT = 80;
    private static final int NODE_PORT = 30_080;
    private static final Pattern ANSWERS = Pattern.compile("dport=" + PORT + " .*?src=(\\S+)");

    private Cluster cluster;
    private ClusterPod client;
    private ClusterPod stranger;
    private ClusterPod near;
    private ClusterPod far;

    /** Two servers, one on each node, and two clients on the first. */
    private void start(String... agentArguments) {
        cluster = Cluster.create(Cluster.Options.nodes(2));
        cluster.apply("service.yaml", """
                apiVersion: v1
                kind: Service
                metadata: {name: web, namespace: default}
                spec:
                  type: NodePort
                  clusterIP: %1$s
                  clusterIPs: ["%1$s", "%2$s"]
                  ipFamilies: [IPv4, IPv6]
                  ports:
                    - {name: tcp, protocol: TCP, port: 80, nodePort: %3$d}
                    - {name: udp, protocol: UDP, port: 80, nodePort: %3$d}
                """.formatted(IPV4, IPV6, NODE_PORT));
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

    @AfterEach
    void remove() {
        cluster.close();
    }

    private void endpoints(ClusterPod... pods) {
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
    private static List<Probe.Target> targets(TestNamespace from, int port, IpAddress... addresses) {
        List<Probe.Target> targets = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            for (IpAddress address : addresses) {
                targets.add(Probe.Target.tcp(from, address, port));
                targets.add(Probe.Target.udp(from, address, port));
            }
        }
        return targets;
    }

    private static void awaitReached(List<Probe.Target> targets) {
        Await.until(
                LIMIT,
                () -> Probe.failures(targets, PROBE_LIMIT).toString(),
                () -> Probe.failures(targets, PROBE_LIMIT).isEmpty());
    }

    private static void assertNoneReached(List<Probe.Target> targets) {
        assertThat(Probe.check(targets, _ -> false, PROBE_LIMIT, Duration.ofMillis(300)))
                .noneMatch(Probe.Outcome::reached);
    }

    private String status(int node) {
        return cluster.node(node).status().stdout();
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void serviceIsReachedByItsAddressesAndPoliciesSeeThePods(String policyBackend) {
        start("--services=true", "--policy-backend=" + policyBackend);
        List<Probe.Target> byService = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(byService);
        awaitReached(targets(far.namespace(), PORT, IPV4, IPV6));
        for (ClusterNode node : cluster.nodes()) {
            awaitReached(targets(
                    client.namespace(),
                    NODE_PORT,
                    node.internalIps().stream()
                            .map(address -> address.address())
                            .toArray(IpAddress[]::new)));
        }

        cluster.apply("policy.yaml", Manifests.networkPolicy("default", "only-client", """
                podSelector: {matchExpressions: [{key: app, operator: In, values: [near, far]}]}
                ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]
                """));

        List<Probe.Target> denied = targets(stranger.namespace(), PORT, IPV4, IPV6);
        Await.until(
                LIMIT,
                () -> "the stranger is not denied",
                () -> Probe.check(denied, Duration.ofSeconds(1)).stream().noneMatch(Probe.Outcome::reached));
        assertThat(Probe.failures(byService, PROBE_LIMIT)).isEmpty();
        assertThat(status(0))
                .contains("services  " + policyBackend + ", 2 service ports at 8 addresses and ports, 4 backends");
    }

    @Test
    void endpointThatGoesGetsNoNewConnectionsAndWithoutAnyTheyAreRefused() {
        start("--services=true");
        awaitReached(targets(client.namespace(), PORT, IPV4, IPV6));

        far.delete();
        endpoints(near);
        awaitReached(targets(client.namespace(), PORT, IPV4, IPV6));

        endpoints();
        Probe.Target tcp = Probe.Target.tcp(client.namespace(), IPV4, PORT);
        Await.until(
                LIMIT,
                () -> Probe.check(List.of(tcp), PROBE_LIMIT).toString(),
                () -> Probe.check(List.of(tcp), PROBE_LIMIT)
                        .getFirst()
                        .failure()
                        .orElse("")
                        .contains("refused"));
        assertNoneReached(targets(client.namespace(), PORT, IPV4, IPV6));
    }

    /** A flow of UDP has no end, and so would stay with a server that is gone. */
    @Test
    void datagramsOfOneFlowGoOnToAnotherEndpoint() throws IOException {
        start("--services=true");
        endpoints(far);
        awaitReached(targets(client.namespace(), PORT, IPV4));
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path());
                DatagramSocket socket = pod.call(ServicesIT::datagramSocket)) {
            socket.setSoTimeout(200);
            socket.connect(new InetSocketAddress(IPV4.toInetAddress(), PORT));
            Await.until(LIMIT, () -> "the first server does not answer", () -> isAnswered(socket));

            endpoints(near);
            far.delete();

            Await.until(LIMIT, () -> "the second server does not answer", () -> isAnswered(socket));
        }
        assertThat(cluster.node(0).logLines()).anyMatch(line -> line.contains("event=service-flows-forgotten"));
    }

    private static DatagramSocket datagramSocket() {
        try {
            return new DatagramSocket();
        } catch (SocketException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isAnswered(DatagramSocket socket) {
        try {
            socket.send(new DatagramPacket(new byte[] {1}, 1));
            socket.receive(new DatagramPacket(new byte[1], 1));
            return true;
        } catch (IOException e) {
            // Not yet: refused, or no answer in time.
            return false;
        }
    }

    @Test
    void servicesOutliveTheAgentAndOthersChangesToThem() {
        start("--services=true", "--own-table=false");
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);
        ClusterNode node = cluster.node(0);

        node.killAgent();
        assertThat(Probe.failures(targets, PROBE_LIMIT)).isEmpty();
        node.startAgent("--services=true", "--own-table=false");
        node.awaitReady(Cluster.READY_LIMIT);
        assertThat(Probe.failures(targets, PROBE_LIMIT)).isEmpty();

        node.namespace().exec("nft", "flush", "ruleset");
        awaitReached(targets);
        assertThat(node.logLines()).anyMatch(line -> line.contains("event=services-drift"));
    }

    /** Connection tracking knows where a flow goes, not the rules. */
    @Test
    void flowKeepsItsEndpointWhenAnotherDataplaneTakesOver(@TempDir Path directory) throws IOException {
        Path options = directory.resolve("options");
        Files.writeString(options, "policy-backend: nftables\n");
        start("--services=true", "--config=" + options);
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);
        ClusterNode node = cluster.node(0);
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path());
                DatagramSocket socket = pod.call(ServicesIT::datagramSocket)) {
            socket.setSoTimeout(2000);
            socket.connect(new InetSocketAddress(IPV4.toInetAddress(), PORT));
            Await.until(LIMIT, () -> "the server does not answer", () -> isAnswered(socket));
            String endpoint = endpoint(node, socket.getLocalPort());

            for (String backend : List.of("iptables", "nftables")) {
                Files.writeString(options, "policy-backend: " + backend + "\n");
                node.namespace().exec("kill", "-HUP", Long.toString(node.agent().pid()));
                Await.until(LIMIT, () -> status(0), () -> status(0).contains("services  " + backend + ","));

                assertThat(isAnswered(socket)).as(backend).isTrue();
                assertThat(endpoint(node, socket.getLocalPort())).as(backend).isEqualTo(endpoint);
                assertThat(Probe.failures(targets, PROBE_LIMIT)).as(backend).isEmpty();
            }
        }
        assertThat(node.namespace().exec("ipset", "list", "-name")).doesNotContain("ikatsvc");
    }

    @Test
    void connectionsOutliveEachChangeOfTheDataplane(@TempDir Path directory) throws IOException {
        Path options = directory.resolve("options");
        Files.writeString(options, "policy-backend: nftables\n");
        start("--services=true", "--config=" + options);
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);
        ClusterNode node = cluster.node(0);
        List<Socket> open = new ArrayList<>();
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path())) {
            for (String backend : List.of("nftables", "iptables", "ebpf", "nftables", "ebpf", "iptables", "nftables")) {
                Files.writeString(options, "policy-backend: " + backend + "\n");
                node.namespace().exec("kill", "-HUP", Long.toString(node.agent().pid()));
                Await.until(LIMIT, () -> status(0), () -> status(0).contains("services  " + backend + ","));

                assertThat(open).as(backend).allMatch(ServicesIT::isEchoed);
                for (int i = 0; i < 20; i++) {
                    IpAddress address = i % 2 == 0 ? IPV4 : IPV6;
                    open.add(pod.call(() -> connect(address)));
                }
                assertThat(open).as(backend).allMatch(ServicesIT::isEchoed);
                assertThat(Probe.failures(targets, PROBE_LIMIT)).as(backend).isEmpty();
            }
        } finally {
            for (Socket socket : open) {
                socket.close();
            }
        }
    }

    private static Socket connect(IpAddress address) {
        try {
            Socket socket = new Socket(address.toInetAddress(), PORT);
            socket.setSoTimeout((int) PROBE_LIMIT.toMillis());
            return socket;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isEchoed(Socket socket) {
        try {
            socket.getOutputStream().write(1);
            return socket.getInputStream().read() == 1;
        } catch (IOException e) {
            return false;
        }
    }

    /** Who answers the flow from this port, as connection tracking has it. */
    private static String endpoint(ClusterNode node, int port) {
        Matcher answers = ANSWERS.matcher(
                node.namespace().exec("conntrack", "-L", "-p", "udp", "--orig-port-src", Integer.toString(port)));
        assertThat(answers.find()).isTrue();
        return answers.group(1);
    }

    @Test
    void servicesAreLeftToAKubeProxyThatIsSeenAndTakenBackWhenItIsGone() {
        start("--services=auto");
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);

        cluster.node(0).namespace().exec("nft", "add", "table", "ip", "kube-proxy");
        Await.until(
                LIMIT,
                () -> status(0),
                () -> status(0)
                        .contains(
                                "services  not by Ikat: services is auto, and a kube-proxy is seen: the nftables table"
                                        + " ip"));
        assertNoneReached(targets);

        assertThat(cluster.node(0)
                        .agentCommand("migrate", "--from", "kube-proxy", "--remove")
                        .exitCode())
                .isZero();
        awaitReached(targets);
    }

    @Test
    void kubeProxyBesideServicesIsNamed() {
        start("--services=true");
        cluster.node(0).namespace().exec("nft", "add", "table", "ip", "kube-proxy");

        Await.until(
                LIMIT,
                () -> status(0),
                () -> status(0)
                        .contains("fault: services is true, and a kube-proxy does the same: the nftables table ip"
                                + " kube-proxy"));
    }

    @Test
    void withoutTheSettingNothingOfThemIsLeft() {
        start("--services=true");
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);
        ClusterNode node = cluster.node(0);

        node.stopAgent();
        node.startAgent("--services=false");
        node.awaitReady(Cluster.READY_LIMIT);

        assertNoneReached(targets);
        assertThat(node.namespace().exec("nft", "list", "ruleset")).doesNotContain("service");
        assertThat(status(0)).contains("services  not by Ikat: services is false");
    }
}
