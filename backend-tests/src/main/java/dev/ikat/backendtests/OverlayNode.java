package dev.ikat.backendtests;

import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.GuardState;
import dev.ikat.dataplane.MasqueradeState;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.policy.program.DirectionProgram;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One of two nodes, 1 and 2, with an overlay between them, on a link on which clients are too; wired as Ikat does it,
 * by {@code ip} alone. Its pods are numbered by the node's number and their own: 11 and 12 are those of the first.
 */
public final class OverlayNode implements AutoCloseable {
    /** How many pods each node has. */
    public static final int PODS = 2;

    /** The interface at which a node or a client is on the link. */
    public static final InterfaceName UPLINK = new InterfaceName("up0");

    private static final String TUNNEL = "ikat-vxlan";
    private static final String MTU = "1450";

    private final int number;
    private final RoutedNode node = new RoutedNode();
    private final Map<Integer, TestNamespace> pods = new HashMap<>();

    /**
     * A node with its pods.
     *
     * @param number 1 or 2
     * @param link the link, of {@link #link}
     */
    public OverlayNode(int number, TestNamespace link) {
        this.number = number;
        attach(node.namespace(), link, "port" + number);
        TestNamespace host = node.namespace();
        host.ip("link", "set", "lo", "up");
        join(host, number, 3 - number);
        host.ip("addr", "add", address(number, IpFamily.IPV6) + "/64", "dev", UPLINK.value(), "nodad");
        host.ip("addr", "add", "fd00:10:244:" + number + "::/128", "dev", TUNNEL, "nodad");
        for (int pod : podNumbers()) {
            TestNamespace made = node.addPod(endpoint(pod));
            made.ip("link", "set", "eth0", "mtu", MTU);
            host.ip("link", "set", endpoint(pod).hostInterface().value(), "mtu", MTU);
            pods.put(pod, made);
        }
    }

    /** A link, on which nobody is yet. */
    public static TestNamespace link() {
        TestNamespace link = TestNamespace.create();
        link.ip("link", "add", "br0", "type", "bridge");
        link.ip("link", "set", "br0", "up");
        return link;
    }

    /** A client on the link, with the addresses of this number. */
    public static TestNamespace client(TestNamespace link, int number) {
        TestNamespace client = TestNamespace.create();
        attach(client, link, "client");
        for (IpFamily family : IpFamily.values()) {
            int bits = family == IpFamily.IPV4 ? 24 : 64;
            client.ip("addr", "add", address(number, family) + "/" + bits, "dev", UPLINK.value(), "nodad");
        }
        return client;
    }

    /** Has a client send what is for this address to the node with this number. */
    public static void route(TestNamespace client, IpAddress to, int number) {
        IpFamily family = to.family();
        client.ip(
                family == IpFamily.IPV4 ? "-4" : "-6",
                "route",
                "replace",
                to + "/" + family.bits(),
                "via",
                address(number, family).toString());
    }

    private static void attach(TestNamespace end, TestNamespace link, String port) {
        // A router asks for neighbours from its link-local address, which is to be there at once.
        end.sysctl("net.ipv6.conf.default.accept_dad", "0");
        end.ip("link", "add", UPLINK.value(), "type", "veth", "peer", "name", port, "netns", link.name());
        link.ip("link", "set", port, "master", "br0", "up");
        end.ip("link", "set", UPLINK.value(), "up");
    }

    /**
     * Wires a namespace, as the node with the first number, to the other one, over its interface up0, which is there.
     */
    public static void join(TestNamespace node, int number, int other) {
        String mac = "0e:6b:00:00:00:0" + other;
        node.ip("addr", "add", address(number, IpFamily.IPV4) + "/24", "dev", UPLINK.value());
        node.ip("link", "set", UPLINK.value(), "up");
        node.ip(
                "link",
                "add",
                TUNNEL,
                "address",
                "0e:6b:00:00:00:0" + number,
                "mtu",
                MTU,
                "type",
                "vxlan",
                "id",
                "4796",
                "dstport",
                "8472",
                "local",
                address(number, IpFamily.IPV4).toString(),
                "dev",
                UPLINK.value(),
                "nolearning");
        node.ip("addr", "add", "10.244." + number + ".0/32", "dev", TUNNEL);
        node.ip("link", "set", TUNNEL, "up");
        node.exec("bridge", "fdb", "append", mac, "dev", TUNNEL, "dst", "192.0.2." + other);
        node.ip("neigh", "add", "10.244." + other + ".0", "lladdr", mac, "dev", TUNNEL, "nud", "permanent");
        node.ip("neigh", "add", "fe80::" + other, "lladdr", mac, "dev", TUNNEL, "nud", "permanent");
        String v4 = "10.244." + other + ".0/24";
        String v6 = "fd00:10:244:" + other + "::/64";
        node.ip("route", "add", v4, "via", "10.244." + other + ".0", "dev", TUNNEL, "onlink");
        node.ip("route", "add", v6, "via", "fe80::" + other, "dev", TUNNEL, "onlink");
    }

    /** Has the guard and masquerading of a dataplane do what they do on every node: neither is to be in the way. */
    public void protect(Dataplane dataplane) {
        Set<Cidr> all = new HashSet<>(blocks(1));
        all.addAll(blocks(2));
        dataplane
                .guard()
                .reconcile(new GuardState(
                        Optional.of(new GuardState.Tunnel(8472, 4796)),
                        Set.of(new GuardState.Peer(addresses(3 - number), blocks(3 - number), Set.of())),
                        nodes(),
                        blocks(number),
                        addresses(number),
                        UPLINK,
                        true));
        dataplane.masquerading().reconcile(new MasqueradeState(blocks(number), all, false));
    }

    /** The address of the node with this number, or of a client with another. */
    public static IpAddress address(int number, IpFamily family) {
        return IpAddress.parse((family == IpFamily.IPV4 ? "192.0.2." : "2001:db8:2::") + number);
    }

    private static Set<IpAddress> addresses(int number) {
        return Set.of(address(number, IpFamily.IPV4), address(number, IpFamily.IPV6));
    }

    /** Its own addresses on the link. */
    public Set<IpAddress> addresses() {
        return addresses(number);
    }

    /** Both nodes' addresses. */
    public static Set<IpAddress> nodes() {
        return IntStream.of(1, 2)
                .mapToObj(OverlayNode::addresses)
                .flatMap(Set::stream)
                .collect(Collectors.toSet());
    }

    /** The endpoint of a pod of either node. */
    public static Endpoint endpoint(int pod) {
        return RoutedNode.endpoint(pod, List.of(podAddress(pod, IpFamily.IPV4), podAddress(pod, IpFamily.IPV6)));
    }

    /** The address of a pod of either node. */
    public static IpAddress podAddress(int pod, IpFamily family) {
        return IpAddress.parse(
                (family == IpFamily.IPV4 ? "10.244.%d.%d" : "fd00:10:244:%d::%d").formatted(pod / 10, pod % 10));
    }

    private static Set<Cidr> blocks(int number) {
        return Set.of(Cidr.parse("10.244." + number + ".0/24"), Cidr.parse("fd00:10:244:" + number + "::/64"));
    }

    /** The blocks of its pods' addresses. */
    public Set<Cidr> podCidrs() {
        return blocks(number);
    }

    private List<Integer> podNumbers() {
        return IntStream.rangeClosed(1, PODS).mapToObj(pod -> number * 10 + pod).toList();
    }

    /** All pods of the node, of which each may do everything. */
    public PolicyProgram open() {
        Map<InterfaceName, PodProgram> all = new HashMap<>();
        for (int pod : podNumbers()) {
            Endpoint endpoint = endpoint(pod);
            all.put(endpoint.hostInterface(), new PodProgram(endpoint, DirectionProgram.OPEN, DirectionProgram.OPEN));
        }
        return new PolicyProgram(Map.of(), all);
    }

    /** The node. */
    public TestNamespace namespace() {
        return node.namespace();
    }

    /** One of its pods. */
    public TestNamespace pod(int pod) {
        return Optional.ofNullable(pods.get(pod)).orElseThrow();
    }

    /** Its pods by their numbers. */
    public Map<Integer, TestNamespace> pods() {
        return Map.copyOf(pods);
    }

    @Override
    public void close() {
        node.close();
    }
}
