package dev.ikat.testbed.cluster;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A pod: a namespace that an ADD of the real launcher has given an interface, with an echo server inside. */
public final class ClusterPod implements AutoCloseable {
    /** The port of every pod's echo server. */
    public static final int PORT = 7000;

    private final String name;
    private final ClusterNode node;
    private final TestNamespace namespace;
    private final CniNetwork.Sandbox sandbox;
    private final Json result;
    private Optional<Probe.Server> server = Optional.empty();

    public ClusterPod(String name, ClusterNode node, TestNamespace namespace, CniNetwork.Sandbox sandbox, Json result) {
        this.name = name;
        this.node = node;
        this.namespace = namespace;
        this.sandbox = sandbox;
        this.result = result;
    }

    /** The pod's name, unique in its cluster. */
    public String name() {
        return name;
    }

    /** The node that it runs on. */
    public ClusterNode node() {
        return node;
    }

    /** Its network namespace. */
    public TestNamespace namespace() {
        return namespace;
    }

    /** Its sandbox in the runtime. */
    public CniNetwork.Sandbox sandbox() {
        return sandbox;
    }

    /** The result of ADD. */
    public Json result() {
        return result;
    }

    /** The addresses that ADD assigned, in the order of the result. */
    public List<IpAddress> addresses() {
        return result.get("ips").stream()
                .map(ip -> InterfaceAddress.parse(ip.get("address").text()).address())
                .toList();
    }

    /** Its address of this family, if it has one. */
    public Optional<IpAddress> address(IpFamily family) {
        return addresses().stream()
                .filter(address -> address.family() == family)
                .findFirst();
    }

    /** Starts the echo server, once; it ends with this process. */
    public void serve() {
        serve(PORT);
    }

    /** Starts the echo server on these ports, once; it ends with this process. */
    public void serve(int... ports) {
        serve(false, ports);
    }

    /** The same; {@code forever} lets it outlive this process. */
    public void serve(boolean forever, int... ports) {
        if (server.isEmpty()) {
            server = Optional.of(Probe.serve(namespace, forever, ports));
        }
    }

    /** How many connections it has accepted so far, by the kernel's count ({@code PassiveOpens}, RFC 4022). */
    public int accepted() {
        List<String> tcp = namespace
                .exec("cat", "/proc/net/snmp")
                .lines()
                .filter(line -> line.startsWith("Tcp:"))
                .toList();
        int column = List.of(tcp.getFirst().split(" ", -1)).indexOf("PassiveOpens");
        return Integer.parseInt(tcp.getLast().split(" ", -1)[column]);
    }

    /** Every path from this pod to each address of another: TCP small and large, UDP and ICMP. */
    public List<Probe.Target> targets(ClusterPod to) {
        List<Probe.Target> targets = new ArrayList<>();
        for (IpAddress address : to.addresses()) {
            targets.add(Probe.Target.tcp(namespace, address, PORT));
            targets.add(Probe.Target.tcp(namespace, address, PORT).withBytes(Probe.LARGE));
            targets.add(Probe.Target.udp(namespace, address, PORT));
            targets.add(Probe.Target.icmp(namespace, address));
        }
        return targets;
    }

    /** DEL through the real launcher, then the namespace is deleted, in the order of a runtime. */
    public void delete() {
        server.ifPresent(Probe.Server::close);
        node.network().delete(sandbox);
        namespace.close();
        node.forget(this);
    }

    /** Deletes the namespace without DEL, as when a runtime is killed with its containers. */
    public void vanish() {
        close();
        node.forget(this);
    }

    /** Ends the server and deletes the namespace without calling the plugin. */
    @Override
    public void close() {
        server.ifPresent(Probe.Server::close);
        namespace.close();
    }

    @Override
    public String toString() {
        return name + addresses();
    }
}
