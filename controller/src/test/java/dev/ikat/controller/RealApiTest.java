package dev.ikat.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.controller.allocation.Rules;
import dev.ikat.kubernetes.ApiAddress;
import dev.ikat.kubernetes.RealApiServer;
import dev.ikat.testbed.host.Await;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.LoadBalancerIngress;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The CustomResourceDefinition, the roles and the writes, as Kubernetes' own API server takes them. */
class RealApiTest {
    private static final Path MANIFESTS = Path.of("../daemonset/deploy/controller");
    private static final String POOL = """
        apiVersion: ikat.dev/v1alpha1
        kind: AddressPool
        metadata: {name: %s}
        spec: %s
        """;

    @TempDir
    private static Path directory;

    private static RealApiServer server;
    private static KubernetesClient admin;

    @BeforeAll
    static void serve() throws IOException {
        assumeTrue(RealApiServer.isThere(), "the cluster for tests has not built kube-apiserver and etcd yet");
        server = RealApiServer.start(directory, "kube-system/ikat-controller");
        admin = new KubernetesClientBuilder()
                .withConfig(Config.fromKubeconfig(server.kubeconfig("admin").toFile()))
                .build();
        for (String file : List.of("addresspools.yaml", "controller.yaml")) {
            admin.load(Files.newInputStream(MANIFESTS.resolve(file))).create();
        }
        until("the kind is served", () -> {
            try {
                admin.resource(POOL.formatted("first", "{addresses: [203.0.113.0/32], autoAssign: false}"))
                        .create();
                return true;
            } catch (KubernetesClientException e) {
                return false;
            }
        });
    }

    @AfterAll
    static void stop() {
        if (admin != null) {
            admin.close();
            server.close();
        }
    }

    private static void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofMinutes(2), () -> what, condition);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        {}                                              | Required value
        {addresses: []}                                 | should have at least 1 items
        {addresses: [192.0.2.1]}                        | has to be a prefix
        {addresses: [192.0.2.0/24, 192.0.2.0/24]}       | Duplicate value
        {addresses: [web.example.com/32]}               | has to be made of addresses
        {addresses: [192.0.2.0/24], autoAssign: often}  | must be of type boolean
        '{addresses: [192.0.2.0/24], serviceSelector: {matchExpressions: [{key: a, operator: In}]}}' | need values
        """)
    void schemaRefusesWhatCanBeSeenToBeWrong(String spec, String reason) {
        assertThatThrownBy(() -> admin.resource(POOL.formatted("bad", spec)).create())
                .isInstanceOf(KubernetesClientException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void servicesGetAddressesByTheRightsOfTheRoles() {
        admin.resource(POOL.formatted("public", "{addresses: [192.0.2.0/30, \"2001:db8::1-2001:db8::9\"]}"))
                .create();
        admin.resource(POOL.formatted("wrong", "{addresses: [198.51.100.9-198.51.100.1]}"))
                .create();
        admin.resource("""
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop}
            """).create();
        service("web", "{}", "ipFamilyPolicy: PreferDualStack, ");
        service("lost", "{ikat.dev/addresses: 10.9.9.9}", "");

        try (Controller _ = Controller.start(
                new ControllerOptions(
                        new ApiAddress.Kubeconfig(server.kubeconfig("account")),
                        new Rules("ikat.dev/lb", false, Duration.ofMinutes(5)),
                        "kube-system",
                        "ikat-controller",
                        "test"),
                new PrometheusRegistry(),
                () -> {})) {
            until("web has its addresses", () -> addresses("web").equals(List.of("192.0.2.0", "2001:db8::1")));
            until("the pool is reported of", () -> status("public").contains("used=2"));
            until("so is the wrong one", () -> status("wrong").contains("ends before it begins"));
            until(
                    "there is an event",
                    () -> admin.v1().events().inNamespace("shop").list().getItems().stream()
                            .anyMatch(
                                    event -> event.getInvolvedObject().getName().equals("lost")
                                            && event.getMessage().contains("10.9.9.9 is in no AddressPool")));
            assertThat(status("public")).contains("status=True", "reason=Accepted", "observedGeneration=1");

            admin.services().inNamespace("shop").withName("web").delete();
            until("nothing is in use", () -> status("public").contains("used=0"));
        }
        assertThat(admin.leases()
                        .inNamespace("kube-system")
                        .withName("ikat-controller")
                        .get()
                        .getSpec()
                        .getHolderIdentity())
                .as("who holds the lease after the end")
                .isNullOrEmpty();
    }

    private static void service(String name, String annotations, String fields) {
        admin.resource("""
            apiVersion: v1
            kind: Service
            metadata: {name: %s, namespace: shop, annotations: %s}
            spec: {type: LoadBalancer, loadBalancerClass: ikat.dev/lb, %s ports: [{port: 80}]}
            """.formatted(name, annotations, fields)).create();
    }

    private static List<String> addresses(String service) {
        return admin
                .services()
                .inNamespace("shop")
                .withName(service)
                .get()
                .getStatus()
                .getLoadBalancer()
                .getIngress()
                .stream()
                .map(LoadBalancerIngress::getIp)
                .toList();
    }

    private static String status(String pool) {
        GenericKubernetesResource object = admin.genericKubernetesResources("ikat.dev/v1alpha1", "AddressPool")
                .withName(pool)
                .get();
        Map<String, Object> all = object.getAdditionalProperties();
        return String.valueOf(all.get("status"));
    }
}
