package dev.ikat.agent.nodes;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** A pod on a node: a namespace that the plugin there has wired, with echo servers on two ports. */
final class NodePod implements AutoCloseable {
    /** One that policies of the tests let pass. */
    static final int PORT = 7000;

    /** One that they don't. */
    static final int OTHER_PORT = 7001;

    private static final AtomicLong CONTAINERS = new AtomicLong();

    private final String name;
    private final NodeContainer node;
    private final TestNamespace namespace;
    private final CniNetwork.Sandbox sandbox;
    private final List<IpAddress> addresses;
    private final Probe.Server server;

    private NodePod(String name, NodeContainer node, TestNamespace namespace, CniNetwork.Sandbox sandbox, Json result) {
        this.name = name;
        this.node = node;
        this.namespace = namespace;
        this.sandbox = sandbox;
        this.addresses = result.get("ips").stream()
                .map(ip -> InterfaceAddress.parse(ip.get("address").text()).address())
                .toList();
        this.server = Probe.serve(namespace, PORT, OTHER_PORT);
    }

    /** Makes the namespace, which is seen on all nodes under /run/netns, and has the plugin of this one wire it. */
    static NodePod add(NodeContainer node, String kubernetesNamespace, String name) {
        TestNamespace namespace = TestNamespace.create();
        try {
            CniNetwork.Sandbox sandbox = sandbox(kubernetesNamespace, name, namespace.path());
            return new NodePod(name, node, namespace, sandbox, node.add(sandbox));
        } catch (RuntimeException | Error e) {
            namespace.close();
            throw e;
        }
    }

    /** What a runtime tells the plugin of a pod whose namespace is at this path. */
    static CniNetwork.Sandbox sandbox(String kubernetesNamespace, String name, Path netns) {
        return new CniNetwork.Sandbox(
                "%064x".formatted(ProcessHandle.current().pid() << 16 | CONTAINERS.incrementAndGet()),
                Optional.of(netns),
                "eth0",
                "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + kubernetesNamespace + ";K8S_POD_NAME=" + name,
                new Json.Obj(Map.of()));
    }

    String name() {
        return name;
    }

    NodeContainer node() {
        return node;
    }

    TestNamespace namespace() {
        return namespace;
    }

    /** IPv4, then IPv6. */
    List<IpAddress> addresses() {
        return addresses;
    }

    /** Every way from here to each address of another pod. */
    List<Probe.Target> everyWayTo(NodePod to) {
        List<Probe.Target> targets = new ArrayList<>(connectionsTo(to, PORT));
        for (IpAddress address : to.addresses) {
            targets.add(Probe.Target.tcp(namespace, address, PORT).withBytes(Probe.LARGE));
            targets.add(Probe.Target.udp(namespace, address, PORT));
            targets.add(Probe.Target.icmp(namespace, address));
        }
        return targets;
    }

    /** A TCP connection to a port of another pod, to each of its addresses. */
    List<Probe.Target> connectionsTo(NodePod to, int port) {
        return to.addresses.stream()
                .map(address -> Probe.Target.tcp(namespace, address, port))
                .toList();
    }

    /** The plugin's DEL, then the namespace's end; the order of a runtime. */
    void delete() {
        server.close();
        node.delete(sandbox);
        namespace.close();
    }

    /** The namespace's end without a word to the plugin. */
    @Override
    public void close() {
        server.close();
        namespace.close();
    }

    @Override
    public String toString() {
        return name + addresses;
    }
}
