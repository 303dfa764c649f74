package dev.ikat.agent.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Services on two nodes without a kube-proxy. */
final class ServicesIT extends ServicesScene {
    /** Services change hands ten seconds after a kube-proxy has come, and five after it has gone. */
    private static final Duration TURN_LIMIT = Duration.ofSeconds(30);

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables", "ebpf"})
    void serviceIsReachedByItsAddressesAndPoliciesSeeThePods(String policyBackend) {
        start("--services=true", "--policy-backend=" + policyBackend);
        List<Probe.Target> byService = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(byService);
        awaitReached(targets(far.namespace(), PORT, IPV4, IPV6));
        for (ClusterNode node : cluster.nodes()) {
            awaitReached(targets(node.namespace(), PORT, IPV4, IPV6));
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
                .contains("services  " + policyBackend + ", 2 service ports at 8 addresses and ports, 4 backends")
                .doesNotContain("packet by packet");
    }

    /** Only who sees the client's own address lets it in. */
    @Test
    void withDirectReturnPodsOfOtherNodesSeeClientsOutside() {
        start("--services=true", "--policy-backend=ebpf", "--load-balancer-mode=dsr");
        endpoints(far);
        cluster.apply("policy.yaml", Manifests.networkPolicy("default", "only-outside", """
                podSelector: {matchLabels: {app: far}}
                ingress: [{from: [{ipBlock: {cidr: %s/32}}, {ipBlock: {cidr: %s/128}}]}]
                """.formatted(
                        Underlay.v4(0, 1).address(), Underlay.v6(0, 1).address())));
        List<Probe.Target> denied = targets(client.namespace(), PORT, IPV4, IPV6);
        Await.until(
                LIMIT,
                () -> "the client is not denied",
                () -> Probe.check(denied, Duration.ofSeconds(1)).stream().noneMatch(Probe.Outcome::reached));

        awaitReached(targets(
                cluster.underlay().namespace(),
                NODE_PORT,
                cluster.node(0).internalIps().stream()
                        .map(address -> address.address())
                        .toArray(IpAddress[]::new)));
        assertThat(status(0)).doesNotContain("connections from outside");
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

    /** What tells the agent of one: its rules, though empty, and a process of its name. */
    private Process startKubeProxy() {
        cluster.node(0).namespace().exec("nft", "add", "table", "ip", "kube-proxy");
        return cluster.node(0)
                .namespace()
                .runner("bash", "-c", "exec -a kube-proxy sleep 600")
                .startInBackground(Path.of("/dev/null"));
    }

    private void awaitStatus(String words) {
        awaitStatus(LIMIT, words);
    }

    private void awaitStatus(Duration limit, String words) {
        Await.until(limit, () -> status(0), () -> status(0).contains(words));
    }

    @Test
    void servicesAreLeftToAKubeProxyThatRunsAndTakenBackWhenItHasEnded() throws InterruptedException {
        start("--services=auto");
        List<Probe.Target> targets = targets(client.namespace(), PORT, IPV4, IPV6);
        awaitReached(targets);

        Process kubeProxy = startKubeProxy();
        awaitStatus(
                TURN_LIMIT, "services  not by Ikat: services is auto, and a kube-proxy is seen: the nftables table ip");
        assertNoneReached(targets);

        kubeProxy.destroyForcibly().waitFor();
        awaitStatus(TURN_LIMIT, "there is the nftables table ip kube-proxy of a kube-proxy that does not run");
        awaitReached(targets);

        assertThat(cluster.node(0)
                        .agentCommand("migrate", "--from", "kube-proxy", "--remove")
                        .exitCode())
                .isZero();
        Await.until(LIMIT, () -> status(0), () -> !status(0).contains("kube-proxy"));
        assertThat(Probe.failures(targets, PROBE_LIMIT)).isEmpty();
    }

    /** As a load balancer does it, from outside of the node. */
    @Test
    void loadBalancersAreToldWhetherTheNodeDoesServices() throws InterruptedException {
        start("--services=true");
        String address = cluster.node(0).internalIps().getFirst().address().toString();
        Await.until(LIMIT, () -> healthz(address), () -> healthz(address).endsWith("200"));
        assertThat(healthz(address)).contains("\"lastUpdated\": ", "\"currentTime\": ", "\"nodeEligible\": true");
        cluster.node(0).killAgent();
        assertThat(healthz(address)).isEqualTo("000");

        Process kubeProxy = startKubeProxy();
        try {
            cluster.node(0).startAgent("--services=auto");
            cluster.node(0).awaitReady(Cluster.READY_LIMIT);
            awaitStatus("services  not by Ikat");
            assertThat(healthz(address)).isEqualTo("000");
        } finally {
            kubeProxy.destroyForcibly().waitFor();
        }
    }

    /** What who asks is told, and the status. */
    private String healthz(String address) {
        return cluster.node(1)
                .namespace()
                .exec("sh", "-c", "curl -s -m 2 -w '%{http_code}' http://" + address + ":10256/healthz | tr -d '\\n'");
    }

    @Test
    void kubeProxyBesideServicesIsNamed() {
        start("--services=true");
        cluster.node(0).namespace().exec("nft", "add", "table", "ip", "kube-proxy");

        awaitStatus(
                "fault: services are Ikat's task, and there is the nftables table ip kube-proxy of a kube-proxy that"
                        + " does not run");
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
