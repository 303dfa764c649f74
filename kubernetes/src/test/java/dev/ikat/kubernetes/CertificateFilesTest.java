package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates are replaced while the agent runs: by the kubelet, by kubeadm, by who restores a control plane. */
class CertificateFilesTest {
    private static final String NAMESPACES = "/api/v1/namespaces";

    @TempDir
    private static Path keys;

    private static TlsIdentity first;
    private static TlsIdentity second;

    @TempDir
    private Path account;

    private final BlockingQueue<ClusterChange> changes = new LinkedBlockingQueue<>();
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private @Nullable ApiTestServer server;
    private @Nullable KubernetesSource source;
    private int mounts;

    @BeforeAll
    static void makeKeys() throws Exception {
        first = TlsIdentity.make(keys, "first");
        second = TlsIdentity.make(keys, "second");
    }

    @AfterEach
    void stop() {
        if (source != null) {
            source.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private static void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(20), () -> what, condition);
    }

    /** As the kubelet mounts a service account: all files change at once, with a link to their directory. */
    private void mount(String authority) throws IOException {
        Path version = Files.createDirectory(account.resolve("..version-" + ++mounts));
        Files.writeString(version.resolve("token"), "t");
        Files.writeString(version.resolve("ca.crt"), authority);
        Path link = Files.createSymbolicLink(account.resolve("..data_tmp"), version.getFileName());
        Files.move(link, account.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
        for (String file : new String[] {"token", "ca.crt"}) {
            if (!Files.exists(account.resolve(file))) {
                Files.createSymbolicLink(account.resolve(file), Path.of("..data", file));
            }
        }
    }

    private KubernetesSource source(ApiConnection api) {
        KubernetesSource opened = KubernetesSource.open(
                api,
                ApiKinds.NETWORKING,
                account.resolve("state"),
                Patience.DEFAULT,
                new ApiMetrics(registry, Clock.systemUTC()));
        source = opened;
        opened.start(changes::add);
        return opened;
    }

    private static ApiTestServer namespaces(ApiTestServer to, String... names) {
        for (String name : names) {
            to.put(NAMESPACES, name, "{\"metadata\":{\"name\":\"" + name + "\"}}");
        }
        return to;
    }

    private void assertNextIs(String namespace, KubernetesSource from) throws InterruptedException {
        ClusterChange change = changes.poll(20, TimeUnit.SECONDS);
        assertThat(change).as("faults: %s", from.faults()).isNotNull();
        assertThat(change == null ? "" : change.added().getFirst().name()).isEqualTo(namespace);
    }

    private double handshakeFailures() {
        return registry.scrape().stream()
                .filter(metric -> metric.getMetadata().getName().equals("ikat_api_handshake_failures"))
                .mapToDouble(metric ->
                        ((CounterSnapshot) metric).getDataPoints().getFirst().getValue())
                .sum();
    }

    @Test
    void authorityOfAServiceAccountThatIsReplacedIsReadAgain() throws Exception {
        mount(first.certificate());
        ApiTestServer before = namespaces(ApiTestServer.startTls(0, first.server()), "one");
        server = before;
        int port = before.port();
        KubernetesSource following = source(ApiConnection.ofAccount(account, "https://127.0.0.1:" + port));
        assertNextIs("one", following);

        before.close();
        ApiTestServer after = namespaces(ApiTestServer.startTls(port, second.server()), "one", "two");
        after.forget();
        server = after;
        until(
                "it says which file does not fit",
                () -> following.faults().toString().contains("authority in " + account.resolve("ca.crt")));
        assertThat(handshakeFailures()).isPositive();

        mount(second.certificate());
        assertNextIs("two", following);
        until("all is well", () -> following.faults().isEmpty());
    }

    @Test
    void clientCertificateAndKeyThatAreReplacedAreReadAgain() throws Exception {
        Path authority = Files.writeString(account.resolve("ca.pem"), first.certificate());
        Path certificate = Files.writeString(account.resolve("client.pem"), first.certificate());
        Path key = Files.writeString(account.resolve("client.key"), first.key());
        ApiTestServer serving = namespaces(ApiTestServer.startTls(0, first.serverFor(second)), "one");
        server = serving;
        Path kubeconfig = Files.writeString(
                account.resolve("config"), """
                apiVersion: v1
                kind: Config
                current-context: test
                clusters:
                - name: test
                  cluster: {server: "https://127.0.0.1:%d", certificate-authority: "%s"}
                contexts:
                - name: test
                  context: {cluster: test, user: test}
                users:
                - name: test
                  user: {client-certificate: "%s", client-key: "%s"}
                """.formatted(serving.port(), authority, certificate, key));
        KubernetesSource following = source(ApiConnection.open(ApiAddress.parse(kubeconfig.toString())));
        until("it is refused", () -> handshakeFailures() > 0);

        Files.writeString(certificate, second.certificate());
        Files.writeString(key, second.key());

        assertNextIs("one", following);
    }

    @Test
    void whatCanNotBeUsedIsSaidAndWhatWasBeforeIsUsedOn() throws Exception {
        mount(first.certificate());
        ApiTestServer serving = namespaces(ApiTestServer.startTls(0, first.server()), "one");
        server = serving;
        KubernetesSource following = source(ApiConnection.ofAccount(account, "https://127.0.0.1:" + serving.port()));
        assertNextIs("one", following);

        mount("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        until("it says so", () -> following.faults().toString().contains("replaced by unusable ones"));
        assertThat(following.faults().toString())
                .contains(account.resolve("ca.crt").toString());
        serving.endWatches();
        namespaces(serving, "two");
        assertNextIs("two", following);

        mount(first.certificate());
        until("all is well", () -> following.faults().isEmpty());
    }

    @Test
    void formerConnectionsGoOnUntilTheirEndAndLeaveNoThread() throws Exception {
        mount(first.certificate());
        ApiTestServer serving = namespaces(ApiTestServer.startTls(0, first.server()), "one");
        server = serving;
        long threads = clientThreads();
        try (ApiConnection api = ApiConnection.ofAccount(account, "https://127.0.0.1:" + serving.port())) {
            InputStream watch = api.get(NAMESPACES + "?watch=1&resourceVersion=1001");
            for (int i = 0; i < 5; i++) {
                mount(first.certificate() + "\n".repeat(i + 1));
                api.followFiles();
                api.get(NAMESPACES).close();
            }
            assertThat(api.fault()).isEqualTo(Optional.empty());
            namespaces(serving, "two");
            assertThat(new String(watch.readNBytes(17), StandardCharsets.US_ASCII))
                    .isEqualTo("{\"type\":\"ADDED\",\"");
            until("only the watch's client and the last one have a thread", () -> clientThreads() <= threads + 2);
            serving.endWatches();
            watch.readAllBytes();
            until("only the last one has", () -> clientThreads() <= threads + 1);
        }
        until("none has", () -> clientThreads() <= threads);
    }

    private static long clientThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().contains("SelectorManager"))
                .count();
    }
}
