package dev.ikat.agent.services;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.agent.services.KubeProxySigns.Sign;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresProgram;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a kube-proxy does on a host is seen, and what others do is not taken for one. */
@RequiresRoot
@RequiresProgram({"nft", "iptables-nft"})
class KubeProxySignsTest {
    private final TestNamespace host = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(host.path());

    @SuppressWarnings("NullAway.Init")
    private KubeProxySigns signs;

    @BeforeEach
    void open() {
        signs = namespace.call(KubeProxySigns::open);
    }

    @AfterEach
    void close() {
        signs.close();
        namespace.close();
        host.close();
    }

    /** As on the agent's thread, which is in the host's namespace. */
    private String found() {
        return namespace.call(() -> signs.find(false).map(Sign::words).orElse(""));
    }

    @Test
    void nothingOfOthersIsTakenForOne() {
        host.exec("iptables-nft", "-t", "nat", "-N", "KUBE-ROUTER-INPUT");
        host.exec("iptables-nft", "-N", "KUBE-FIREWALL");
        host.exec("nft", "add", "table", "inet", "kube-proxy");

        assertThat(found()).isEmpty();
    }

    @Test
    void tableOfItsModeNftablesIsSeen() {
        host.exec("nft", "add", "table", "ip6", "kube-proxy");

        assertThat(found())
                .isEqualTo("the nftables table ip6 kube-proxy of a kube-proxy that does not run; 'ikat-agent migrate "
                        + "--from kube-proxy --remove' removes it");
    }

    @Test
    void chainOfItsModeIptablesIsSeen() {
        host.exec("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES");

        assertThat(found()).startsWith("the chain KUBE-SERVICES of iptables-nft of a kube-proxy that does not run;");
    }

    @Test
    void whatIsRemovedIsNotSeenAnyMore() {
        host.exec("nft", "add", "table", "ip", "kube-proxy");
        assertThat(found()).isNotEmpty();

        host.exec("nft", "delete", "table", "ip", "kube-proxy");

        assertThat(found()).isEmpty();
    }

    @Test
    void oneThatRunsIsSeenByItsHealthPort() throws IOException {
        host.ip("link", "set", "lo", "up");
        try (ServerSocket health = namespace.call(KubeProxySignsTest::listen)) {
            assertThat(health.isBound()).isTrue();
            assertThat(found()).startsWith("a kube-proxy answers health checks at port 10256;");
            host.exec("nft", "add", "table", "ip", "kube-proxy");
            assertThat(found()).startsWith("the nftables table ip kube-proxy of a kube-proxy that runs;");
        }
    }

    /** Its port may be another one, or Ikat's while Ikat does services. */
    @Test
    void oneThatRunsIsSeenByItsProcess() throws InterruptedException {
        host.exec("nft", "add", "table", "ip", "kube-proxy");
        Process process = host.runner("bash", "-c", "exec -a /usr/local/bin/kube-proxy sleep 60")
                .startInBackground(Path.of("/dev/null"));
        try {
            Await.until(Duration.ofSeconds(10), this::found, () -> found().contains("of a kube-proxy that runs;"));
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(found()).contains("of a kube-proxy that does not run;");
    }

    private static ServerSocket listen() {
        try {
            return new ServerSocket(10256, 1, InetAddress.ofLiteral("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
