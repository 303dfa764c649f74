package dev.ikat.backendtests;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.Attachment;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.testbed.host.TestNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A namespace as a node, whose pods are wired as Ikat does it, by {@code ip} alone. */
public final class RoutedNode implements AutoCloseable {
    /** The interface that joins two nodes. */
    public static final String UPLINK = "uplink0";

    private static final String BRIDGE = "br0";
    private static final String TUNNEL = "ikat-vxlan";

    private final TestNamespace node = TestNamespace.create();
    private final List<TestNamespace> pods = new ArrayList<>();
    private final Wiring wiring;

    private enum Wiring {
        ROUTED,
        BRIDGED,
        CABLE
    }

    /** A node that forwards and has no pods. */
    public RoutedNode() {
        this(Wiring.ROUTED);
    }

    private RoutedNode(Wiring wiring) {
        this.wiring = wiring;
        node.sysctl("net.ipv4.ip_forward", "1");
        node.sysctl("net.ipv6.conf.all.forwarding", "1");
    }

    /** A node whose pods are ports of a bridge instead, as with the reference plugin. */
    public static RoutedNode bridged() {
        RoutedNode made = new RoutedNode(Wiring.BRIDGED);
        made.node.ip("link", "add", BRIDGE, "type", "bridge");
        made.node.ip("link", "set", BRIDGE, "up");
        return made;
    }

    /**
     * From now on it masquerades what its pods send to other destinations, by the rules of the reference {@code bridge}
     * plugin's {@code ipMasq}.
     */
    public void masquerade() {
        List<List<String>> families = List.of(
                List.of("iptables", "10.244.1.0/24", "224.0.0.0/4"),
                List.of("ip6tables", "fd00:10:244:1::/64", "ff00::/8"));
        for (List<String> family : families) {
            String program = family.get(0);
            String pods = family.get(1);
            node.exec(program, "-t", "nat", "-N", "CNI-pods");
            node.exec(program, "-t", "nat", "-A", "CNI-pods", "-d", pods, "-j", "ACCEPT");
            node.exec(program, "-t", "nat", "-A", "CNI-pods", "!", "-d", family.get(2), "-j", "MASQUERADE");
            node.exec(program, "-t", "nat", "-A", "POSTROUTING", "-s", pods, "-j", "CNI-pods");
        }
    }

    /** Two pods at the ends of one veth pair, past the node: no node can be faster. */
    public static RoutedNode cable() {
        return new RoutedNode(Wiring.CABLE);
    }

    /** The endpoint of the pod with this number, 1 to 254: {@code shop/pod-1}, 10.244.1.1 and fd00:10:244:1::1. */
    public static Endpoint endpoint(int number) {
        return endpoint(
                number,
                List.of(
                        IpAddress.parse("10.244.1." + number),
                        IpAddress.parse("fd00:10:244:1::" + Integer.toHexString(number))));
    }

    /** The endpoint of the pod with this number and these addresses. */
    static Endpoint endpoint(int number, List<IpAddress> addresses) {
        return new Endpoint(
                new Attachment(new ContainerId("c" + number), new InterfaceName("eth0")),
                new InterfaceName("ik%011x".formatted(number)),
                addresses,
                Optional.of(new ObjectKey(ObjectKind.POD, "shop", "pod-" + number)));
    }

    /**
     * Joins two nodes by a veth pair, with a tunnel between one pod of each, given by their numbers: this node's and
     * the other's.
     */
    public void join(RoutedNode other, int pod, int othersPod) {
        node.ip("link", "add", UPLINK, "type", "veth", "peer", "name", UPLINK, "netns", other.node.name());
        tunnel(1, 2, othersPod);
        other.tunnel(2, 1, pod);
    }

    private void tunnel(int own, int peer, int pod) {
        // So that the pods' packets fit.
        node.ip("link", "set", UPLINK, "mtu", "1600", "up");
        node.ip("address", "add", nodeAddress(own) + "/24", "dev", UPLINK);
        String[] device = {
            "link",
            "add",
            TUNNEL,
            "mtu",
            "1500",
            "address",
            tunnelMac(own),
            "type",
            "vxlan",
            "id",
            "4796",
            "dstport",
            "8472",
            "local",
            nodeAddress(own).toString(),
            "nolearning"
        };
        node.ip(device);
        node.ip("link", "set", TUNNEL, "addrgenmode", "none", "up");
        node.exec(
                "bridge",
                "fdb",
                "append",
                tunnelMac(peer),
                "dev",
                TUNNEL,
                "dst",
                nodeAddress(peer).toString());
        for (IpAddress address : endpoint(pod).addresses()) {
            String to = address + "/" + address.family().bits();
            node.ip("route", "add", to, "dev", TUNNEL);
            node.ip("neigh", "add", address.toString(), "lladdr", tunnelMac(peer), "dev", TUNNEL, "nud", "permanent");
        }
    }

    /** The address of the first or second of two nodes that are joined. */
    public static IpAddress nodeAddress(int number) {
        return IpAddress.parse("172.31.0." + number);
    }

    private static String tunnelMac(int number) {
        return "02:00:00:00:00:0" + number;
    }

    /** The node. */
    public TestNamespace namespace() {
        return node;
    }

    /** A pod with this endpoint. */
    public TestNamespace addPod(Endpoint endpoint) {
        TestNamespace pod = TestNamespace.create();
        pods.add(pod);
        String host = endpoint.hostInterface().value();
        if (wiring == Wiring.CABLE) {
            if (pods.size() == 2) {
                String other = pods.getFirst().name();
                pod.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other);
                address(pods.getFirst(), endpoint(1));
                address(pod, endpoint);
            }
            return pod;
        }
        node.ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", pod.name());
        if (wiring == Wiring.BRIDGED) {
            node.ip("link", "set", host, "master", BRIDGE, "up");
            address(pod, endpoint);
            return pod;
        }
        pod.ip("link", "set", "eth0", "up");
        String mac = pod.ipJson("link", "show", "eth0").stream()
                .findFirst()
                .orElseThrow()
                .get("address")
                .text();
        List<String> inNode = new ArrayList<>(List.of(
                "link set " + host + " address ee:ee:ee:ee:ee:ee addrgenmode none up",
                "addr add 169.254.1.1/32 dev " + host,
                "addr add fe80::1/64 dev " + host + " nodad"));
        List<String> inPod = new ArrayList<>();
        for (IpAddress address : endpoint.addresses()) {
            String cidr = address + "/" + address.family().bits();
            if (address.family() == IpFamily.IPV4) {
                inPod.add("addr add " + cidr + " dev eth0");
                inPod.add("route add default via 169.254.1.1 dev eth0 onlink");
            } else {
                inPod.add("addr add " + cidr + " dev eth0 nodad");
                inPod.add("route add default via fe80::1 dev eth0");
            }
            inNode.add("route add " + cidr + " dev " + host);
            inNode.add("neigh add " + address + " lladdr " + mac + " dev " + host + " nud permanent");
        }
        node.ipEach(inNode);
        pod.ipEach(inPod);
        return pod;
    }

    private static void address(TestNamespace pod, Endpoint endpoint) {
        pod.ip("link", "set", "eth0", "up");
        for (IpAddress address : endpoint.addresses()) {
            int bits = address.family() == IpFamily.IPV4 ? 24 : 64;
            pod.ip("addr", "add", address + "/" + bits, "dev", "eth0", "nodad");
        }
    }

    @Override
    public void close() {
        pods.forEach(TestNamespace::close);
        node.close();
    }
}
