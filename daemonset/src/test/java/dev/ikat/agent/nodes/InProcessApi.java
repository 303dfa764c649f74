package dev.ikat.agent.nodes;

import dev.ikat.kubernetes.ApiTestServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Objects;

/** {@link ApiTestServer}, on the loopback interface. */
final class InProcessApi implements ClusterApi {
    private static final Map<Kind, String> PATHS = Map.of(
            Kind.NODE, "/api/v1/nodes",
            Kind.NAMESPACE, "/api/v1/namespaces",
            Kind.POD, "/api/v1/pods",
            Kind.POLICY, "/apis/networking.k8s.io/v1/networkpolicies");

    private final ApiTestServer server = ApiTestServer.start(0);

    @Override
    public String runName() {
        return "ikat-it";
    }

    @Override
    public InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port());
    }

    @Override
    public String kubeconfig(InetSocketAddress relay) {
        return ApiTestServer.kubeconfig(relay.getHostString(), relay.getPort(), "");
    }

    @Override
    public void put(Kind kind, String name, String json) {
        server.put(path(kind), name, json);
    }

    @Override
    public void remove(Kind kind, String name) {
        server.remove(path(kind), name);
    }

    private static String path(Kind kind) {
        return Objects.requireNonNull(PATHS.get(kind));
    }

    @Override
    public void close() {
        server.close();
    }
}
