package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Kubernetes' kube-proxy in a node's network namespace, beside an API of its own. */
final class KubeProxy implements AutoCloseable {
    /** Of kube-proxy's rules for 30,000 services. */
    private static final Duration LIMIT = Duration.ofMinutes(3);

    /** Its node's name. */
    static final String NODE = "node-1";

    final ApiTestServer api;
    private final TestDirectory directory = TestDirectory.create();
    private final Process process;
    private final Path log;

    /**
     * Starts it; it has done nothing yet.
     *
     * @param program the program
     * @param mode {@code nftables} or {@code iptables}
     * @param services adds what its API has
     */
    KubeProxy(Path program, String mode, TestNamespace node, Consumer<ApiTestServer> services) {
        api = InNamespace.call(node.path(), () -> ApiTestServer.start(0));
        addNode(api);
        services.accept(api);
        log = directory.path().resolve("kube-proxy.log");
        try {
            Path kubeconfig = api.kubeconfig(directory.path().resolve("kubeconfig"));
            Path config =
                    Files.writeString(directory.path().resolve("config.yaml"), """
                    apiVersion: kubeproxy.config.k8s.io/v1alpha1
                    kind: KubeProxyConfiguration
                    mode: %s
                    clusterCIDR: 10.244.0.0/16
                    hostnameOverride: %s
                    clientConnection:
                      kubeconfig: %s
                      contentType: application/json
                      acceptContentTypes: application/json
                      qps: 1000
                      burst: 1000
                    conntrack:
                      maxPerCore: 0
                      min: 0
                    """.formatted(mode, NODE, kubeconfig));
            process = ProcessRunner.of(node.entering(List.of(program.toString(), "--config=" + config, "--v=2")))
                    // The API here knows no lists by watching.
                    .withEnvironment(Map.of("KUBE_FEATURE_WatchListClient", "false"))
                    .startInBackground(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void addNode(ApiTestServer api) {
        api.put("/api/v1/nodes", NODE, """
                {"kind":"Node","apiVersion":"v1","metadata":{"name":"%s","uid":"n-1"},
                 "spec":{"podCIDR":"10.244.1.0/24","podCIDRs":["10.244.1.0/24"]},
                 "status":{"addresses":[{"type":"InternalIP","address":"127.0.0.1"}]}}
                """.formatted(NODE));
    }

    /** Waits for what its rules bring about. */
    void await(BooleanSupplier effect) {
        Await.until(LIMIT, this::excuse, () -> {
            if (!process.isAlive()) {
                throw new IllegalStateException(excuse());
            }
            return effect.getAsBoolean();
        });
    }

    private String excuse() {
        try {
            List<String> lines = Files.readAllLines(log);
            return "kube-proxy " + (process.isAlive() ? "has no effect; " : "has ended; ")
                    + String.join("\n", lines.subList(Math.max(0, lines.size() - 8), lines.size()));
        } catch (IOException e) {
            return "kube-proxy has no effect, and no log: " + e.getMessage();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
        api.close();
        directory.close();
    }
}
