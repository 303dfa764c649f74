package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.testbed.cluster.BirdRouter;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.TestDirectory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** One node that speaks BGP, the API that tells it of the cluster, and a router on its link that is BIRD. */
final class BgpApi implements AutoCloseable {
    /** The router's address; the underlay has it on its bridge. */
    static final String ROUTER = "172.30.0.1";

    private static final String NODES_PATH = "/api/v1/nodes";
    private static final String CUSTOM = "/apis/ikat.dev/v1alpha1/";

    final Cluster cluster = Cluster.create(Cluster.Options.nodes(1));
    final ClusterNode node = cluster.node(0);
    private final TestDirectory directory = TestDirectory.create();
    private final ApiTestServer api = InNamespace.call(node.namespace().path(), () -> ApiTestServer.start(0));
    private final List<BirdRouter> routers = new ArrayList<>();

    /** The node's own object is there. */
    BgpApi() {
        api.has(CUSTOM + "bgppeers");
        api.has(CUSTOM + "bgpadvertisements");
        putNode(
                node.name(),
                node.podCidrs().getFirst().toString(),
                node.internalIps().getFirst().address().toString(),
                "");
    }

    /** A node is there. */
    void putNode(String name, String cidr, String address, String labels) {
        api.put(NODES_PATH, name, """
                {"metadata":{"name":"%s","labels":{%s}},"spec":{"podCIDR":"%s","podCIDRs":["%s"]},
                 "status":{"addresses":[{"type":"InternalIP","address":"%s"}]}}
                """.formatted(name, labels, cidr, cidr, address));
    }

    /** The router is a peer that is told of the addresses of load balancers. */
    void putPeer() {
        api.put(CUSTOM + "bgppeers", "router", """
                {"metadata":{"name":"router","generation":1},"spec":{"address":"%s","as":64500}}
                """.formatted(ROUTER));
        api.put(CUSTOM + "bgpadvertisements", "services", """
                {"metadata":{"name":"services","generation":1},"spec":{"services":["LoadBalancerIP"]}}
                """);
    }

    /** A service is there, with this address of a load balancer, or has it instead of another. */
    void putService(int number, String address) {
        api.put(
                SampleServices.SERVICES_PATH,
                "service-" + number,
                SampleServices.serviceJson(number)
                        .replace("\"ClusterIP\"", "\"LoadBalancer\"")
                        .replace(
                                "\"loadBalancer\":{}",
                                "\"loadBalancer\":{\"ingress\":[{\"ip\":\"" + address + "\"}]}"));
    }

    /** Starts the router with these protocols; its kernel gets the routes that it hears of. */
    BirdRouter startRouter(String protocols) {
        BirdRouter router =
                BirdRouter.start(cluster.underlay().namespace(), directory.path(), configuration(protocols));
        routers.add(router);
        return router;
    }

    /** The same with other protocols. */
    static String configuration(String protocols) {
        return """
                router id %s;
                protocol device { scan time 1; }
                protocol direct { ipv4; }
                protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
                %s""".formatted(ROUTER, protocols);
    }

    /** Starts the agent, and does not wait for it. */
    void startAgent(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--bgp=true");
        all.add("--kubeconfig=" + api.kubeconfig(directory.path().resolve("kubeconfig")));
        node.startAgent(all.toArray(String[]::new));
    }

    @Override
    public void close() {
        routers.forEach(BirdRouter::close);
        cluster.close();
        api.close();
        directory.close();
    }
}
