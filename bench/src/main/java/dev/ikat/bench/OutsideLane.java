package dev.ikat.bench;

import dev.ikat.backendtests.OverlayNode;
import dev.ikat.cluster.Protocol;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.service.Surroundings;
import dev.ikat.kubernetes.ApiTestServer;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.FrontendProgram.Kind;
import dev.ikat.services.program.ServicePortName;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.Target;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Iperf;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Two nodes and a client outside, which reaches a service's one pod by way of the first node. */
final class OutsideLane implements AutoCloseable {
    private static final int CLIENT = 100;
    private static final int OWN_POD = 11;
    private static final int OTHER_POD = 21;
    private static final int STREAM_SECONDS = 2;
    private static final IpAddress EXTERNAL = IpAddress.parse("203.0.113.7");
    private static final String CLUSTER_IP = "10.96.0.10";

    private final String title;
    private final boolean local;
    private final TestNamespace link = OverlayNode.link();
    private final TestNamespace client = OverlayNode.client(link, CLIENT);
    private final List<OverlayNode> nodes = List.of(new OverlayNode(1, link), new OverlayNode(2, link));
    private final Echo server;
    private final List<Runnable> planes = new ArrayList<>();
    private final Costs service = new Costs();
    private final Costs direct = new Costs();

    /**
     * What is measured of connections to one address.
     *
     * @param connections new ones per second
     * @param trips round trips in microseconds
     * @param to streams of the client, in Gbit/s
     * @param from streams of the pod, in Gbit/s
     */
    record Costs(Samples connections, Samples trips, Samples to, Samples from) {
        Costs() {
            this(new Samples(), new Samples(), new Samples(), new Samples());
        }
    }

    /**
     * The nodes without any service.
     *
     * @param local whether the pod is on the node that the client knows, and sees the client; otherwise it is on the
     *     other node
     */
    OutsideLane(String title, boolean local) {
        this.title = title;
        this.local = local;
        server = new Echo(podNamespace(), BenchLane.PORT);
        OverlayNode.route(client, EXTERNAL, 1);
        OverlayNode.route(client, podAddress(), pod() / 10);
    }

    /**
     * Has Ikat serve on both nodes.
     *
     * @param directReturn whether the other node answers the client itself
     */
    void serve(ServicePlane.Kind kind, boolean directReturn) {
        List<ServicePlane> opened = new ArrayList<>();
        for (OverlayNode node : nodes) {
            Surroundings around = new Surroundings(OverlayNode.UPLINK, node.addresses(), OverlayNode.nodes());
            ServicePlane plane = new ServicePlane(
                    kind, node.namespace(), new Outside(directReturn, () -> Optional.of(around)), node.open());
            opened.add(plane);
            planes.add(plane::close);
            node.protect(plane.nftables());
            plane.services.replace(new ServiceProgram(frontends(node), node.podCidrs(), Set.of()), List.of());
        }
        if (kind == ServicePlane.Kind.ebpf) {
            // Not before both nodes have their programs is a pod of the second one reached.
            opened.forEach(plane ->
                    plane.awaitEbpf(service(BenchLane.PORT), () -> Echo.answers(client, service(BenchLane.PORT))));
        }
        requireService();
    }

    /** Has kube-proxy serve on the first node, in its mode nftables. */
    void serve(Path kubeProxy) {
        KubeProxy process =
                new KubeProxy(kubeProxy, "nftables", nodes.getFirst().namespace(), this::fill);
        planes.add(process::close);
        process.await(() -> Echo.answers(client, service(BenchLane.PORT)));
    }

    private int pod() {
        return local ? OWN_POD : OTHER_POD;
    }

    private IpAddress podAddress() {
        return OverlayNode.podAddress(pod(), IpFamily.IPV4);
    }

    private TestNamespace podNamespace() {
        return nodes.get(pod() / 10 - 1).pod(pod());
    }

    private InetSocketAddress service(int port) {
        return new InetSocketAddress(EXTERNAL.toInetAddress(), port);
    }

    private void requireService() {
        if (!Echo.answers(client, service(BenchLane.PORT))) {
            throw new IllegalStateException(title + ": the service does not answer");
        }
    }

    private Map<Frontend, FrontendProgram> frontends(OverlayNode node) {
        boolean here = node.podCidrs().stream().anyMatch(cidr -> cidr.contains(podAddress()));
        Map<Frontend, FrontendProgram> frontends = new HashMap<>();
        for (int port : List.of(BenchLane.PORT, Iperf.PORT)) {
            Frontend frontend = new Frontend(EXTERNAL, Protocol.TCP, port);
            Target pods = new Target.Balance(List.of(new Backend(podAddress(), port)));
            frontends.put(
                    frontend,
                    new FrontendProgram(
                            frontend,
                            new ServicePortName("bench", "outside", "p" + port),
                            Kind.LOAD_BALANCER,
                            pods,
                            local && !here ? Target.DROP : pods,
                            local,
                            Optional.empty(),
                            List.of()));
        }
        return frontends;
    }

    private void fill(ApiTestServer api) {
        api.put(SampleServices.SERVICES_PATH, "outside", """
                {"kind":"Service","apiVersion":"v1","metadata":{"name":"outside","namespace":"bench","uid":"s-1"},
                 "spec":{"type":"LoadBalancer","clusterIP":"%1$s","clusterIPs":["%1$s"],"ipFamilies":["IPv4"],
                  "ipFamilyPolicy":"SingleStack","sessionAffinity":"None","internalTrafficPolicy":"Cluster",
                  "externalTrafficPolicy":"%2$s",%3$s
                  "ports":[{"name":"echo","protocol":"TCP","port":%4$d,"targetPort":%4$d,"nodePort":30001},
                           {"name":"stream","protocol":"TCP","port":%5$d,"targetPort":%5$d,"nodePort":30002}]},
                 "status":{"loadBalancer":{"ingress":[{"ip":"%6$s","ipMode":"VIP"}]}}}
                """.formatted(
                        CLUSTER_IP,
                        local ? "Local" : "Cluster",
                        local ? "\"healthCheckNodePort\":30003," : "",
                        BenchLane.PORT,
                        Iperf.PORT,
                        EXTERNAL));
        api.put(SampleServices.SLICES_PATH, "outside", """
                {"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",
                 "metadata":{"name":"outside","namespace":"bench","uid":"e-1",
                  "labels":{"kubernetes.io/service-name":"outside"}},
                 "addressType":"IPv4","ports":[{"name":"echo","protocol":"TCP","port":%d},
                  {"name":"stream","protocol":"TCP","port":%d}],
                 "endpoints":[{"addresses":["%s"],"nodeName":"%s",
                  "conditions":{"ready":true,"serving":true,"terminating":false}}]}
                """.formatted(
                        BenchLane.PORT, Iperf.PORT, podAddress(), local ? KubeProxy.NODE : "node-2"));
    }

    /** Adds a value to each of the samples of connections and round trips. */
    void measure() {
        InetSocketAddress pod = new InetSocketAddress(podAddress().toInetAddress(), BenchLane.PORT);
        Echo.measure(client, pod, direct.connections(), direct.trips());
        Echo.measure(client, service(BenchLane.PORT), service.connections(), service.trips());
    }

    /** Adds a value to each of the samples of streams. */
    void measureStreams() {
        measureStreams(podAddress(), direct);
        measureStreams(EXTERNAL, service);
    }

    private void measureStreams(IpAddress to, Costs costs) {
        costs.to().add(Iperf.gigabitsPerSecond(client, podNamespace(), to, STREAM_SECONDS));
        costs.from().add(Iperf.gigabitsPerSecondBack(client, podNamespace(), to, STREAM_SECONDS));
    }

    /** Deletes what has been measured so far, of connections and round trips. */
    void clear() {
        for (Costs costs : List.of(service, direct)) {
            costs.connections().clear();
            costs.trips().clear();
        }
    }

    String title() {
        return title;
    }

    Costs service() {
        return service;
    }

    /** Of connections to the pod itself. */
    Costs direct() {
        return direct;
    }

    @Override
    public void close() {
        planes.forEach(Runnable::run);
        server.close();
        nodes.forEach(OverlayNode::close);
        client.close();
        link.close();
    }
}
