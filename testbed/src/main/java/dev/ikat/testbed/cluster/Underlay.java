package dev.ikat.testbed.cluster;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * The network between the nodes: a namespace with a bridge for each subnet and a router between them, dual stack. It
 * has no routes to pods: a packet to a pod's address that arrives here without encapsulation is lost. Two addresses on
 * its loopback interface represent the world outside the cluster.
 *
 * <p>With racks, the bridge of each subnet is in a namespace of its own, a router at the top of a rack, and the first
 * namespace connects these. Connections are spread over several ways by their ports.
 */
public final class Underlay implements AutoCloseable {
    /** An address outside the cluster (RFC 5737), from which only masqueraded traffic gets an answer. */
    public static final IpAddress OUTSIDE_V4 = IpAddress.parse("198.51.100.1");

    /** An address outside the cluster (RFC 3849). */
    public static final IpAddress OUTSIDE_V6 = IpAddress.parse("2001:db8:ffff::1");

    /** A value of fib_multipath_hash_policy, from Linux 5.14 on, and a bit of fib_multipath_hash_fields (ip-sysctl). */
    private static final String CUSTOM_FIELDS = "3";

    private static final String SOURCE_PORT = "16";

    private final TestNamespace namespace = TestNamespace.create();
    private final boolean racks;
    private final Map<Integer, TestNamespace> routers = new TreeMap<>();
    private final Map<String, Port> portsOfNodes = new HashMap<>();
    private int ports;

    /** Where a node is plugged in. */
    private record Port(TestNamespace router, String link) {}

    /** Creates the namespace of the network, without subnets so far. */
    public Underlay() {
        this(false);
    }

    /** With racks, each subnet is that of a rack. */
    Underlay(boolean racks) {
        this.racks = racks;
        forward(namespace);
        if (racks) {
            namespace.sysctl("net.ipv4.fib_multipath_hash_policy", "1");
        }
        namespace.ip("address", "add", OUTSIDE_V4 + "/32", "dev", "lo");
        namespace.ip("-6", "address", "add", OUTSIDE_V6 + "/128", "dev", "lo", "nodad");
    }

    private static void forward(TestNamespace router) {
        router.sysctl("net.ipv4.ip_forward", "1");
        router.sysctl("net.ipv6.conf.all.forwarding", "1");
    }

    /** The namespace, which is also the world outside the cluster. */
    public TestNamespace namespace() {
        return namespace;
    }

    /** The router of a subnet that has nodes. */
    public TestNamespace router(int subnet) {
        return routers.getOrDefault(subnet, namespace);
    }

    /** The address of a rack's router in its subnet. */
    public static IpAddress gateway(int subnet) {
        return v4(subnet, 1).address();
    }

    /** The address of an end of the link between the namespace in the middle, 1, and a rack's router, 2. */
    public static IpAddress between(int subnet, int end) {
        return IpAddress.parse("172.29.%d.%d".formatted(subnet, end));
    }

    /** The IPv4 address of a host in a subnet: 172.30.subnet.host. */
    public static InterfaceAddress v4(int subnet, int host) {
        return InterfaceAddress.parse("172.30.%d.%d/24".formatted(subnet, host));
    }

    /** The IPv6 address of a host in a subnet. */
    public static InterfaceAddress v6(int subnet, int host) {
        return InterfaceAddress.parse("fd00:30:%d::%x/64".formatted(subnet, host));
    }

    /** Connects a node's namespace as interface eth0, with the two addresses of this host and default routes. */
    public synchronized void attach(TestNamespace node, int subnet, int host) {
        if (!routers.containsKey(subnet)) {
            addSubnet(subnet);
        }
        TestNamespace router = router(subnet);
        String port = "port" + ++ports;
        portsOfNodes.put(node.name(), new Port(router, port));
        router.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node.name());
        router.ip("link", "set", port, "master", bridge(subnet), "up");
        // Detection of duplicates would change the node's state a second or two after it was made.
        node.sysctl("net.ipv6.conf.eth0.accept_dad", "0");
        node.ip("link", "set", "eth0", "up");
        addAddresses(node, subnet, host);
    }

    private static void addAddresses(TestNamespace node, int subnet, int host) {
        node.ip("address", "add", v4(subnet, host).toString(), "dev", "eth0");
        node.ip("-6", "address", "add", v6(subnet, host).toString(), "dev", "eth0", "nodad");
        node.ip("route", "replace", "default", "via", v4(subnet, 1).address().toString());
        node.ip(
                "-6",
                "route",
                "replace",
                "default",
                "via",
                v6(subnet, 1).address().toString());
    }

    /** Pulls a node's cable out, or plugs it in again; the node keeps its addresses and routes of IPv4. */
    public synchronized void setConnected(TestNamespace node, boolean connected) {
        Port port = Objects.requireNonNull(portsOfNodes.get(node.name()), "a node that was never attached");
        port.router().ip("link", "set", port.link(), connected ? "up" : "down");
    }

    /** Replaces a node's addresses by others of the same subnet. */
    public void renumber(TestNamespace node, int subnet, int oldHost, int newHost) {
        // A second address of a subnet would leave with the first one (net.ipv4.conf.*.promote_secondaries).
        node.ip("address", "del", v4(subnet, oldHost).toString(), "dev", "eth0");
        node.ip("-6", "address", "del", v6(subnet, oldHost).toString(), "dev", "eth0");
        addAddresses(node, subnet, newHost);
    }

    /** Leaves a node with addresses and default routes of these families alone. */
    public void setFamilies(TestNamespace node, int subnet, int host, Set<IpFamily> families) {
        for (IpFamily family : IpFamily.values()) {
            String option = family == IpFamily.IPV4 ? "-4" : "-6";
            InterfaceAddress own = family == IpFamily.IPV4 ? v4(subnet, host) : v6(subnet, host);
            InterfaceAddress router = family == IpFamily.IPV4 ? v4(subnet, 1) : v6(subnet, 1);
            if (families.contains(family)) {
                node.ip(option, "address", "replace", own.toString(), "dev", "eth0");
                node.ip(
                        option,
                        "route",
                        "replace",
                        "default",
                        "via",
                        router.address().toString());
            } else {
                node.ip(option, "address", "flush", "dev", "eth0", "scope", "global");
            }
        }
    }

    private void addSubnet(int subnet) {
        TestNamespace router = racks ? addRouter(subnet) : namespace;
        routers.put(subnet, router);
        router.ip("link", "add", bridge(subnet), "type", "bridge");
        router.ip("link", "set", bridge(subnet), "up");
        for (String address : List.of(v4(subnet, 1).toString(), v6(subnet, 1).toString())) {
            router.ip("address", "add", address, "dev", bridge(subnet), "nodad");
        }
        if (racks) {
            String way = between(subnet, 2).toString();
            namespace.ip("route", "add", v4(subnet, 1).cidr().toString(), "via", way);
            namespace.ip("-6", "route", "add", v6(subnet, 1).cidr().toString(), "via", between6(subnet, 2));
        }
    }

    /** A namespace with a link to that in the middle, over which everything outside of the rack is reached. */
    private TestNamespace addRouter(int subnet) {
        TestNamespace router = TestNamespace.create();
        forward(router);
        // By the source port alone: hashed like before, all that comes one way would go on one way.
        router.sysctl("net.ipv4.fib_multipath_hash_policy", CUSTOM_FIELDS);
        router.sysctl("net.ipv4.fib_multipath_hash_fields", SOURCE_PORT);
        String link = "rack" + subnet;
        namespace.ip("link", "add", link, "type", "veth", "peer", "name", "up0", "netns", router.name());
        connect(namespace, link, subnet, 1);
        connect(router, "up0", subnet, 2);
        router.ip("route", "add", "default", "via", between(subnet, 1).toString());
        router.ip("-6", "route", "add", "default", "via", between6(subnet, 1));
        return router;
    }

    private static void connect(TestNamespace router, String link, int subnet, int end) {
        router.ip("link", "set", link, "up");
        router.ip("address", "add", between(subnet, end) + "/24", "dev", link);
        router.ip("-6", "address", "add", between6(subnet, end) + "/64", "dev", link, "nodad");
    }

    private static String between6(int subnet, int end) {
        return "fd00:29:%d::%d".formatted(subnet, end);
    }

    private static String bridge(int subnet) {
        return "subnet" + subnet;
    }

    @Override
    public void close() {
        routers.values().forEach(TestNamespace::close);
        namespace.close();
    }
}
