package dev.ikat.agent.nodes;

import com.github.dockerjava.api.model.Network.Ipam;
import com.github.dockerjava.api.model.Network.Ipam.Config;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.DockerEngine;
import dev.ikat.testbed.traffic.Probe;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.testcontainers.containers.Network;

/** Nodes that are containers on one network of an engine, the API that their agents ask there, and pods on them. */
final class NodeCluster implements AutoCloseable {
    private static final int API_PORT = 6443;
    private static final int GATEWAY = 1;
    private static final Duration PROBE_LIMIT = Duration.ofSeconds(2);

    private final DockerEngine engine;
    private final AgentManifest manifest = AgentManifest.read();
    private final ClusterApi api = ClusterApi.ofTheEnvironment();
    private final Network network;
    private final ApiRelay relay;
    private final List<NodeContainer> nodes = new CopyOnWriteArrayList<>();
    private final List<NodePod> pods = new CopyOnWriteArrayList<>();

    /** Makes the network, with the API at its gateway's address, and no node yet. */
    NodeCluster(DockerEngine engine) {
        this.engine = engine;
        OwnEngineStrategy.use(engine);
        network = Network.builder()
                .driver("bridge")
                .enableIpv6(true)
                .createNetworkCmdModifier(command -> command.withIpam(new Ipam()
                        .withConfig(
                                subnet("172.30.0.0/24", hostAddresses(GATEWAY).getFirst()),
                                subnet("fd00:30::/64", hostAddresses(GATEWAY).getLast()))))
                .build();
        // Testcontainers makes it when it is asked for.
        network.getId();
        relay = new ApiRelay(
                engine.namespace(),
                new InetSocketAddress(hostAddresses(GATEWAY).getFirst().toInetAddress(), API_PORT),
                api.address());
        api.put(ClusterApi.Kind.NAMESPACE, namespace(), "{\"metadata\":{\"name\":\"%s\"}}".formatted(namespace()));
    }

    private static Config subnet(String subnet, IpAddress gateway) {
        return new Config().withSubnet(subnet).withGateway(gateway.toString());
    }

    /** The addresses of a host of the nodes' network: IPv4, then IPv6. */
    static List<IpAddress> hostAddresses(int host) {
        return List.of(IpAddress.parse("172.30.0." + host), IpAddress.parse("fd00:30::%x".formatted(host)));
    }

    DockerEngine engine() {
        return engine;
    }

    Network network() {
        return network;
    }

    AgentManifest manifest() {
        return manifest;
    }

    ClusterApi api() {
        return api;
    }

    /** The nodes' only way to the API. */
    ApiRelay relay() {
        return relay;
    }

    String kubeconfig() {
        return api.kubeconfig(
                new InetSocketAddress(hostAddresses(GATEWAY).getFirst().toInetAddress(), API_PORT));
    }

    /** The namespace of the pods and policies. */
    String namespace() {
        return api.runName();
    }

    List<NodeContainer> nodes() {
        return List.copyOf(nodes);
    }

    List<NodePod> pods() {
        return List.copyOf(pods);
    }

    /** Has the API know these nodes, starts them all at once, and returns when they are ready. */
    List<NodeContainer> addNodes(int first, int last) {
        List<NodeContainer> added = IntStream.rangeClosed(first, last)
                .mapToObj(number -> new NodeContainer(this, number))
                .toList();
        nodes.addAll(added);
        added.forEach(this::publish);
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            added.stream()
                    .map(node -> CompletableFuture.runAsync(node::start, threads))
                    .toList()
                    .forEach(CompletableFuture::join);
        }
        return added;
    }

    private void publish(NodeContainer node) {
        api.put(ClusterApi.Kind.NODE, node.name(), """
                {"metadata":{"name":"%s"},
                 "spec":{"podCIDR":"%s","podCIDRs":[%s],"unschedulable":true},
                 "status":{"addresses":[%s]}}
                """.formatted(
                        node.name(),
                        node.podCidrs().getFirst(),
                        list(node.podCidrs(), "\"%s\""),
                        list(node.addresses(), "{\"type\":\"InternalIP\",\"address\":\"%s\"}")));
    }

    private static String list(List<?> elements, String format) {
        return elements.stream().map(format::formatted).collect(Collectors.joining(","));
    }

    /** A node and its pods are gone at once; the API hears of it. */
    void removeNode(NodeContainer node) {
        pods.stream().filter(pod -> pod.node() == node).toList().forEach(pod -> {
            pod.close();
            forget(pod);
        });
        node.close();
        nodes.remove(node);
        api.remove(ClusterApi.Kind.NODE, node.name());
    }

    /** Has the API know a pod, the plugin wire it, and the API know its addresses, as a kubelet does. */
    NodePod addPod(NodeContainer node, String name) {
        announce(node, name, List.of());
        return wire(node, name);
    }

    /** The first half: a pod that is to run on a node, labelled by its name. */
    void announce(NodeContainer node, String name, List<IpAddress> addresses) {
        api.put(ClusterApi.Kind.POD, name, """
                {"metadata":{"name":"%s","namespace":"%s","labels":{"app":"%s"}},
                 "spec":{"nodeName":"%s","automountServiceAccountToken":false,"terminationGracePeriodSeconds":0,
                         "tolerations":[{"operator":"Exists"}],
                         "containers":[{"name":"main","image":"localhost/none:1"}]},
                 "status":{"phase":"Running","podIPs":[%s]}}
                """.formatted(
                        name, namespace(), name, node.name(), list(addresses, "{\"ip\":\"%s\"}")));
    }

    /** The second half. */
    NodePod wire(NodeContainer node, String name) {
        NodePod pod = NodePod.add(node, namespace(), name);
        pods.add(pod);
        announce(node, name, pod.addresses());
        return pod;
    }

    /** The opposite of {@link #addPod}. */
    void deletePod(NodePod pod) {
        pod.delete();
        forget(pod);
    }

    private void forget(NodePod pod) {
        pods.remove(pod);
        api.remove(ClusterApi.Kind.POD, pod.name());
    }

    /** A network policy is there from now on, with this spec as JSON. */
    void putPolicy(String name, String spec) {
        api.put(ClusterApi.Kind.POLICY, name, """
                {"metadata":{"name":"%s","namespace":"%s"},"spec":%s}
                """.formatted(name, namespace(), spec));
    }

    void removePolicy(String name) {
        api.remove(ClusterApi.Kind.POLICY, name);
    }

    /** The ways from each pod to each other by which nothing comes back. */
    List<Probe.Outcome> unreached() {
        List<Probe.Target> targets = new ArrayList<>();
        for (NodePod from : pods) {
            for (NodePod to : pods) {
                if (from != to) {
                    targets.addAll(from.everyWayTo(to));
                }
            }
        }
        return Probe.failures(targets, PROBE_LIMIT);
    }

    /** How the nodes are, for a message. */
    String state() {
        return nodes.stream()
                .map(node -> "%s:%n%s%n%s".formatted(node, node.ways(), node.log()))
                .collect(Collectors.joining("\n"));
    }

    @Override
    public void close() {
        pods.forEach(NodePod::close);
        nodes.forEach(NodeContainer::close);
        relay.close();
        api.close();
        network.close();
        OwnEngineStrategy.leave();
    }
}
