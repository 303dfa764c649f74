package dev.ikat.testbed.cluster;

import dev.ikat.model.InterfaceAddress;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.host.TestNamespace;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The network between the nodes: a namespace with a bridge for each subnet and a router between them, dual stack. It
 * has no routes to pods: a packet to a pod's address that arrives here without encapsulation is lost. Two addresses on
 * its loopback interface represent the world outside the cluster.
 */
public final class Underlay implements AutoCloseable {
    /** An address outside the cluster (RFC 5737), from which only masqueraded traffic gets an answer. */
    public static final IpAddress OUTSIDE_V4 = IpAddress.parse("198.51.100.1");

    /** An address outside the cluster (RFC 3849). */
    public static final IpAddress OUTSIDE_V6 = IpAddress.parse("2001:db8:ffff::1");

    private final TestNamespace namespace = TestNamespace.create();
    private final Set<Integer> subnets = new HashSet<>();
    private int ports;

    /** Creates the namespace of the network, without subnets so far. */
    public Underlay() {
        namespace.sysctl("net.ipv4.ip_forward", "1");
        namespace.sysctl("net.ipv6.conf.all.forwarding", "1");
        namespace.ip("address", "add", OUTSIDE_V4 + "/32", "dev", "lo");
        namespace.ip("-6", "address", "add", OUTSIDE_V6 + "/128", "dev", "lo", "nodad");
    }

    /** The namespace, which is also the world outside the cluster. */
    public TestNamespace namespace() {
        return namespace;
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
        if (subnets.add(subnet)) {
            addSubnet(subnet);
        }
        String port = "port" + ++ports;
        namespace.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", node.name());
        namespace.ip("link", "set", port, "master", bridge(subnet), "up");
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
        namespace.ip("link", "add", bridge(subnet), "type", "bridge");
        namespace.ip("link", "set", bridge(subnet), "up");
        for (String address : List.of(v4(subnet, 1).toString(), v6(subnet, 1).toString())) {
            namespace.ip("address", "add", address, "dev", bridge(subnet), "nodad");
        }
    }

    private static String bridge(int subnet) {
        return "subnet" + subnet;
    }

    @Override
    public void close() {
        namespace.close();
    }
}
