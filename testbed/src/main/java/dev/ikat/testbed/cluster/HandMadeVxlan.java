package dev.ikat.testbed.cluster;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.TestNamespace;

/**
 * Two nodes with a pod each and a VXLAN between them, created by {@code ip}, {@code bridge} and {@code nft} alone: what
 * the kernel can do. A pod network also has to masquerade packets that leave it, for which the kernel tracks every
 * connection; the variant without masquerade shows what that costs.
 */
public final class HandMadeVxlan implements AutoCloseable {
    public static final String DEVICE = "vxlan0";

    private static final int MTU = 1450;

    private final Underlay underlay = new Underlay();
    private final TestNamespace[] nodes = {TestNamespace.create(), TestNamespace.create()};
    private final TestNamespace[] pods = {TestNamespace.create(), TestNamespace.create()};

    /** @param masquerade whether packets that leave the pods' network get the node's address */
    public HandMadeVxlan(boolean masquerade) {
        for (int i = 0; i < 2; i++) {
            int host = 11 + i;
            int peer = 12 - i;
            TestNamespace node = nodes[i];
            underlay.attach(node, 0, host);
            node.sysctl("net.ipv4.ip_forward", "1");
            node.ip(
                    "link",
                    "add",
                    DEVICE,
                    "mtu",
                    Integer.toString(MTU),
                    "type",
                    "vxlan",
                    "id",
                    "77",
                    "dstport",
                    "8472",
                    "local",
                    Underlay.v4(0, host).address().toString(),
                    "dev",
                    "eth0",
                    "nolearning");
            node.ip("address", "add", "10.88.%d.0/32".formatted(i), "dev", DEVICE);
            node.ip("link", "set", DEVICE, "up");
            node.exec(
                    "bridge",
                    "fdb",
                    "append",
                    "00:00:00:00:00:00",
                    "dev",
                    DEVICE,
                    "dst",
                    Underlay.v4(0, peer).address().toString());
            node.ip(
                    "route",
                    "add",
                    "10.88.%d.0/24".formatted(1 - i),
                    "via",
                    "10.88.%d.0".formatted(1 - i),
                    "dev",
                    DEVICE,
                    "onlink");
            wire(node, pods[i], i);
            if (masquerade) {
                node.exec("nft", "add table ip byhand");
                node.exec("nft", "add chain ip byhand out { type nat hook postrouting priority 100 ; }");
                node.exec("nft", "add rule ip byhand out ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 masquerade");
            }
        }
    }

    private static void wire(TestNamespace node, TestNamespace pod, int i) {
        node.ip(
                "link",
                "add",
                "pod0",
                "mtu",
                Integer.toString(MTU),
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "mtu",
                Integer.toString(MTU),
                "netns",
                pod.name());
        node.ip("link", "set", "pod0", "up");
        node.ip("address", "add", "10.88.%d.1/32".formatted(i), "dev", "pod0");
        node.ip("route", "add", "10.88.%d.2/32".formatted(i), "dev", "pod0");
        pod.ip("address", "add", "10.88.%d.2/32".formatted(i), "dev", "eth0");
        pod.ip("link", "set", "eth0", "up");
        pod.ip("route", "add", "default", "via", "10.88.%d.1".formatted(i), "dev", "eth0", "onlink");
    }

    public TestNamespace clientNode() {
        return nodes[0];
    }

    public TestNamespace client() {
        return pods[0];
    }

    public TestNamespace server() {
        return pods[1];
    }

    public IpAddress serverAddress() {
        return IpAddress.parse("10.88.1.2");
    }

    @Override
    public void close() {
        for (int i = 0; i < 2; i++) {
            pods[i].close();
            nodes[i].close();
        }
        underlay.close();
    }
}
