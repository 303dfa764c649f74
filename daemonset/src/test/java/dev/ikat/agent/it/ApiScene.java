package dev.ikat.agent.it;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** One node whose agent asks an API server, which has the node, a namespace and the pods that a test may add. */
@RequiresRoot
abstract class ApiScene {
    static final String TOKEN = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
    private static final String NAMESPACES = "/api/v1/namespaces";
    private static final String PODS_PATH = "/api/v1/pods";
    private static final List<String> PODS = List.of("server", "client", "late");

    Cluster cluster;
    ClusterNode node;
    ApiTestServer api;

    @BeforeEach
    void make() {
        cluster = Cluster.create(Cluster.Options.nodes(1));
        node = cluster.nodes().getFirst();
        api = serve(0);
    }

    @AfterEach
    void remove() {
        api.close();
        cluster.close();
    }

    ApiTestServer serve(int port) {
        ApiTestServer server = InNamespace.call(node.namespace().path(), () -> ApiTestServer.start(port));
        server.demand(TOKEN);
        server.put("/api/v1/nodes", node.name(), """
                {"metadata":{"name":"%s"},"spec":{},"status":{"addresses":[%s]}}
                """.formatted(
                        node.name(),
                        node.internalIps().stream()
                                .map(ip -> "{\"type\":\"InternalIP\",\"address\":\"" + ip.address() + "\"}")
                                .collect(Collectors.joining(","))));
        server.put(NAMESPACES, "shop", "{\"metadata\":{\"name\":\"shop\"}}");
        PODS.forEach(name -> server.put(PODS_PATH, name, pod(name, List.of())));
        return server;
    }

    private String pod(String name, List<String> ips) {
        return """
                {"metadata":{"name":"%s","namespace":"shop","labels":{"app":"%s"}},"spec":{"nodeName":"%s"},
                 "status":{"phase":"Running","podIPs":[%s]}}
                """.formatted(
                        name,
                        name,
                        node.name(),
                        ips.stream().map(ip -> "{\"ip\":\"" + ip + "\"}").collect(Collectors.joining(",")));
    }

    ClusterPod add(String name) {
        ClusterPod pod = node.addPod("shop", name, new Json.Obj(Map.of()), TestNamespace.create());
        api.put(
                PODS_PATH,
                name,
                pod(name, pod.addresses().stream().map(Object::toString).toList()));
        return pod;
    }

    void start(String... more) throws IOException {
        Path kubeconfig = api.kubeconfig(node.runDirectory().resolveSibling("kubeconfig"));
        Path settings = Files.writeString(
                node.runDirectory().resolveSibling("config.yaml"),
                node.podCidrs().stream()
                        .map(cidr -> node.name() + "=" + cidr)
                        .collect(Collectors.joining(", ", "log-format: json\npod-cidrs: [", "]\n")));
        node.startAgent(Stream.concat(Stream.of("--kubeconfig=" + kubeconfig, "--config=" + settings), Stream.of(more))
                .toArray(String[]::new));
        node.awaitReady(Cluster.READY_LIMIT);
    }
}
