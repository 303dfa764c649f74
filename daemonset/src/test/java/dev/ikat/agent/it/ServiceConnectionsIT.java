package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of connections to services when something beneath them changes or ends. */
final class ServiceConnectionsIT extends ServicesScene {
    private static final Pattern ANSWERS = Pattern.compile("dport=" + PORT + " .*?src=(\\S+)");

    /** Has the dataplane of this name take services over on the first node, by its file of options. */
    private void takeOver(Path options, String backend) throws IOException {
        ClusterNode node = cluster.node(0);
        Files.writeString(options, "policy-backend: " + backend + "\n");
        node.namespace().exec("kill", "-HUP", Long.toString(node.agent().pid()));
        Await.until(LIMIT, () -> status(0), () -> status(0).contains("services  " + backend + ","));
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
                takeOver(options, backend);

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
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path());
                NetworkNamespace host = NetworkNamespace.open(node.namespace().path())) {
            for (String backend : List.of("nftables", "iptables", "ebpf", "nftables", "ebpf", "iptables", "nftables")) {
                takeOver(options, backend);

                assertThat(open).as(backend).allMatch(ServiceLoad::isEchoed);
                for (int i = 0; i < 20; i++) {
                    IpAddress address = i % 2 == 0 ? IPV4 : IPV6;
                    open.add(pod.call(() -> ServiceLoad.connect(address, PORT)));
                    open.add(host.call(() -> ServiceLoad.connect(address, PORT)));
                }
                assertThat(open).as(backend).allMatch(ServiceLoad::isEchoed);
                assertThat(Probe.failures(targets, PROBE_LIMIT)).as(backend).isEmpty();
            }
        } finally {
            for (Socket socket : open) {
                socket.close();
            }
        }
    }

    /** In each of iptables' variants. */
    @ParameterizedTest
    @ValueSource(strings = {"nft", "legacy"})
    void clientKeepsItsEndpointWhenAnotherDataplaneTakesOver(String variant, @TempDir Path directory)
            throws IOException {
        Path options = directory.resolve("options");
        Files.writeString(options, "policy-backend: nftables\n");
        start("--services=true", "--config=" + options, "--iptables-variant=" + variant);
        service("sessionAffinity: ClientIP");
        ClusterNode node = cluster.node(0);
        Await.until(
                LIMIT,
                () -> "no affinity",
                () -> node.namespace()
                        .exec("nft", "list", "table", "inet", "ikat")
                        .contains("services-sticky-"));
        List<TestNamespace> clients = List.of(client.namespace(), stranger.namespace(), node.namespace());
        List<String> before = endpointsOfNewConnections(clients);

        for (String backend : List.of("iptables", "nftables", "ebpf", "iptables", "ebpf", "nftables")) {
            takeOver(options, backend);

            assertThat(endpointsOfNewConnections(clients)).as(backend).isEqualTo(before);
        }
        node.stopAgent();
        node.startAgent("--services=true", "--policy-backend=iptables", "--iptables-variant=" + variant);
        node.awaitReady(Cluster.READY_LIMIT);
        Await.until(LIMIT, () -> status(0), () -> status(0).contains("services  iptables,"));
        assertThat(endpointsOfNewConnections(clients)).isEqualTo(before);
    }

    /** Of each of these clients, in both families. */
    private List<String> endpointsOfNewConnections(List<TestNamespace> clients) throws IOException {
        List<String> endpoints = new ArrayList<>();
        for (TestNamespace from : clients) {
            try (NetworkNamespace namespace = NetworkNamespace.open(from.path())) {
                for (IpAddress address : List.of(IPV4, IPV6)) {
                    try (Socket socket = namespace.call(() -> ServiceLoad.connect(address, PORT))) {
                        assertThat(ServiceLoad.isEchoed(socket)).isTrue();
                        endpoints.add(server());
                    }
                }
            }
        }
        return endpoints;
    }

    /** The server of the only connection that there is, whoever translated it. */
    private String server() {
        Await.until(LIMIT, () -> connected().toString(), () -> connected().size() == 1);
        return connected().getFirst();
    }

    private List<String> connected() {
        return Stream.of(near, far)
                .filter(pod -> ServiceLoad.connectionsTo(pod) > 0)
                .map(ClusterPod::name)
                .toList();
    }

    /** Who answers the flow of datagrams from this port, as connection tracking has it. */
    private static String endpoint(ClusterNode node, int port) {
        String flows = node.namespace()
                .exec(
                        "conntrack",
                        "-L",
                        "-f",
                        "ipv4",
                        "-p",
                        "udp",
                        "--orig-dst",
                        IPV4.toString(),
                        "--orig-port-src",
                        Integer.toString(port));
        Matcher answers = ANSWERS.matcher(flows);
        assertThat(answers.find()).as(flows).isTrue();
        return answers.group(1);
    }

    /** Only connections to it are lost; whoever connects once the cluster knows reaches another. */
    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void nodeThatDiesTakesOnlyItsOwnConnectionsWithIt(String policyBackend) throws Exception {
        start("--services=true", "--policy-backend=" + policyBackend);
        awaitReached(targets(client.namespace(), PORT, IPV4, IPV6));
        try (NetworkNamespace pod = NetworkNamespace.open(client.namespace().path());
                ServiceLoad load = ServiceLoad.start(pod, IPV4, PORT, 20)) {
            endpoints(near);
            awaitBackends(2);
            try (ServiceLoad kept = ServiceLoad.start(pod, IPV4, PORT, 20)) {
                endpoints(near, far);
                awaitBackends(4);

                cluster.node(1).namespace().ip("link", "set", "group", "default", "down");
                endpoints(near);
                cluster.withdraw(cluster.node(1));
                awaitBackends(2);

                assertThat(kept.living()).isEqualTo(20);
                Await.until(LIMIT, () -> load.living() + " live", () -> load.living() < 20);
                assertThat(load.living()).isPositive();
                for (int i = 0; i < 20; i++) {
                    try (Socket socket = pod.call(() -> ServiceLoad.connect(IPV4, PORT))) {
                        assertThat(ServiceLoad.isEchoed(socket)).isTrue();
                    }
                }
                assertThat(kept.living()).isEqualTo(20);
            }
        }
    }
}
