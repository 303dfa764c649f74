package dev.ikat.nftables;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.testbed.TestNamespace;
import java.util.ArrayList;
import java.util.List;

/** A namespace as a node, to which pods are wired as Ikat does it, by {@code ip} alone. */
final class RoutedNode implements AutoCloseable {
    private final TestNamespace node = TestNamespace.create();
    private final List<TestNamespace> pods = new ArrayList<>();

    RoutedNode() {
        node.sysctl("net.ipv4.ip_forward", "1");
        node.sysctl("net.ipv6.conf.all.forwarding", "1");
    }

    TestNamespace namespace() {
        return node;
    }

    TestNamespace addPod(Endpoint endpoint) {
        TestNamespace pod = TestNamespace.create();
        pods.add(pod);
        String host = endpoint.hostInterface().value();
        node.ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", pod.name());
        node.ip("link", "set", host, "address", "ee:ee:ee:ee:ee:ee", "addrgenmode", "none", "up");
        node.ip("addr", "add", "169.254.1.1/32", "dev", host);
        node.ip("addr", "add", "fe80::1/64", "dev", host, "nodad");
        pod.ip("link", "set", "eth0", "up");
        for (IpAddress address : endpoint.addresses()) {
            String cidr = address + "/" + address.family().bits();
            if (address.family() == IpFamily.IPV4) {
                pod.ip("addr", "add", cidr, "dev", "eth0");
                pod.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink");
            } else {
                pod.ip("addr", "add", cidr, "dev", "eth0", "nodad");
                pod.ip("route", "add", "default", "via", "fe80::1", "dev", "eth0");
            }
            node.ip("route", "add", cidr, "dev", host);
        }
        return pod;
    }

    @Override
    public void close() {
        pods.forEach(TestNamespace::close);
        node.close();
    }
}
