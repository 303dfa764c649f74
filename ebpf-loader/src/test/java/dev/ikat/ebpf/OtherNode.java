package dev.ikat.ebpf;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;
import java.util.List;

/**
 * What a node of RoutedNode reaches through the overlay, as Ikat makes it, by {@code ip} alone: a node that is a pod,
 * too.
 */
final class OtherNode implements AutoCloseable {
    private static final int MTU = 1450;

    /** Its pod's addresses. */
    static final List<IpAddress> ADDRESSES =
            List.of(IpAddress.parse("10.244.2.5"), IpAddress.parse("fd00:10:244:2::5"));

    private final TestNamespace namespace = TestNamespace.create();

    OtherNode(TestNamespace node, TestNamespace... pods) {
        node.ip("link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", namespace.name());
        join(node, 1, 2);
        join(namespace, 2, 1);
        for (IpAddress address : ADDRESSES) {
            namespace.ip("addr", "add", address.toString(), "dev", "lo");
        }
        for (TestNamespace pod : pods) {
            pod.ip("link", "set", "eth0", "mtu", String.valueOf(MTU));
        }
    }

    /** Wires a node to another one, over its interface up0, which is there. */
    static void join(TestNamespace node, int number, int other) {
        String mac = "0e:6b:00:00:00:0" + other;
        node.ip("addr", "add", "192.0.2." + number + "/24", "dev", "up0");
        node.ip("link", "set", "up0", "up");
        node.ip(
                "link",
                "add",
                "ikat-vxlan",
                "address",
                "0e:6b:00:00:00:0" + number,
                "mtu",
                String.valueOf(MTU),
                "type",
                "vxlan",
                "id",
                "4796",
                "dstport",
                "8472",
                "local",
                "192.0.2." + number,
                "dev",
                "up0",
                "nolearning");
        node.ip("addr", "add", "10.244." + number + ".0/32", "dev", "ikat-vxlan");
        node.ip("link", "set", "ikat-vxlan", "up");
        node.exec("bridge", "fdb", "append", mac, "dev", "ikat-vxlan", "dst", "192.0.2." + other);
        node.ip("neigh", "add", "10.244." + other + ".0", "lladdr", mac, "dev", "ikat-vxlan", "nud", "permanent");
        node.ip("neigh", "add", "fe80::" + other, "lladdr", mac, "dev", "ikat-vxlan", "nud", "permanent");
        String v4 = "10.244." + other + ".0/24";
        String v6 = "fd00:10:244:" + other + "::/64";
        node.ip("route", "add", v4, "via", "10.244." + other + ".0", "dev", "ikat-vxlan", "onlink");
        node.ip("route", "add", v6, "via", "fe80::" + other, "dev", "ikat-vxlan", "onlink");
    }

    TestNamespace namespace() {
        return namespace;
    }

    @Override
    public void close() {
        namespace.close();
    }
}
