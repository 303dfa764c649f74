package dev.ikat.backendtests;

import static dev.ikat.backendtests.CraftedPacket.mark;
import static dev.ikat.backendtests.CraftedPacket.udp;
import static dev.ikat.backendtests.CraftedPacket.vxlan;

import dev.ikat.dataplane.GuardState;
import dev.ikat.model.Cidr;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * A node with two pods, whose uplink leads to one namespace that represents all other hosts and sends from any address;
 * and packets that come in its tunnels, by its uplink and from its pods.
 */
abstract class GuardedNode {
    static final int PORT = 8472;
    static final int VNI = 4796;
    static final String DEVICE = LinkNames.OVERLAY;
    static final String UPLINK = "uplink0";

    RoutedNode node;
    TestNamespace one;
    TestNamespace two;
    TestNamespace outside;

    /** An address of each family: of pods 1 and 2, of this node, of two others, of their pods, and of no node. */
    record Addresses(
            IpAddress pod1,
            IpAddress pod2,
            IpAddress self,
            IpAddress peer,
            IpAddress peersPod,
            IpAddress third,
            IpAddress thirdsPod,
            IpAddress thirdsTunnel,
            IpAddress stranger) {
        static Addresses of(IpFamily family) {
            String[] texts = family == IpFamily.IPV4
                    ? new String[] {
                        "10.244.1.1",
                        "10.244.1.2",
                        "172.31.0.11",
                        "172.31.0.12",
                        "10.244.2.9",
                        "172.31.0.13",
                        "10.244.3.9",
                        "10.244.3.0",
                        "172.31.0.99"
                    }
                    : new String[] {
                        "fd00:10:244:1::1",
                        "fd00:10:244:1::2",
                        "fd31::11",
                        "fd31::12",
                        "fd00:10:244:2::9",
                        "fd31::13",
                        "fd00:10:244:3::9",
                        "fd00:10:244:3::",
                        "fd31::99"
                    };
            List<IpAddress> all = Stream.of(texts).map(IpAddress::parse).toList();
            return new Addresses(
                    all.get(0),
                    all.get(1),
                    all.get(2),
                    all.get(3),
                    all.get(4),
                    all.get(5),
                    all.get(6),
                    all.get(7),
                    all.get(8));
        }
    }

    static final Addresses V4 = Addresses.of(IpFamily.IPV4);
    static final Addresses V6 = Addresses.of(IpFamily.IPV6);

    static Addresses of(IpFamily family) {
        return family == IpFamily.IPV4 ? V4 : V6;
    }

    static Set<Cidr> blocks(int number) {
        return Set.of(
                Cidr.parse("10.244.%d.0/24".formatted(number)), Cidr.parse("fd00:10:244:%d::/64".formatted(number)));
    }

    static GuardState state(boolean direct, boolean masqueraded) {
        Set<GuardState.Peer> peers = Stream.of(2, 3)
                .map(number -> new GuardState.Peer(
                        Set.of(IpAddress.parse("172.31.0.1" + number), IpAddress.parse("fd31::1" + number)),
                        direct ? Set.of() : blocks(number),
                        direct ? blocks(number) : Set.of()))
                .collect(Collectors.toSet());
        return new GuardState(
                Optional.of(new GuardState.Tunnel(PORT, VNI)),
                peers,
                Stream.of(V4, V6)
                        .flatMap(a -> Stream.of(a.self, a.peer, a.third, a.thirdsTunnel))
                        .collect(Collectors.toSet()),
                blocks(1),
                Set.of(V4.self, V6.self),
                new InterfaceName(UPLINK),
                masqueraded);
    }

    @BeforeEach
    final void make() {
        node = new RoutedNode();
        one = node.addPod(RoutedNode.endpoint(1));
        two = node.addPod(RoutedNode.endpoint(2));
        outside = TestNamespace.create();
        TestNamespace host = node.namespace();
        // The kernel's own check, which many hosts have off, would be what is tested.
        for (String link : List.of(
                "all",
                "default",
                RoutedNode.endpoint(1).hostInterface().value(),
                RoutedNode.endpoint(2).hostInterface().value())) {
            host.sysctl("net.ipv4.conf." + link + ".rp_filter", "0");
        }
        host.ip("link", "add", UPLINK, "type", "veth", "peer", "name", "eth0", "netns", outside.name());
        // Where the probe sends to.
        host.ip("link", "set", UPLINK, "address", "ee:ee:ee:ee:ee:ee", "up");
        outside.ip("link", "set", "eth0", "up");
        String mac = mac(outside, "eth0").toString();
        for (Addresses a : List.of(V4, V6)) {
            String bits = a.self.family() == IpFamily.IPV4 ? "/24" : "/64";
            host.ip("address", "add", a.self + bits, "dev", UPLINK, "nodad");
            for (IpAddress other : List.of(a.peer, a.third, a.stranger)) {
                host.ip("neigh", "add", other.toString(), "lladdr", mac, "dev", UPLINK, "nud", "permanent");
            }
            host.ip("link", "set", "lo", "up");
        }
    }

    @AfterEach
    final void close() {
        outside.close();
        node.close();
    }

    static MacAddress mac(TestNamespace namespace, String link) {
        return MacAddress.parse(namespace.ipJson("link", "show", link).stream()
                .findFirst()
                .orElseThrow()
                .get("address")
                .text());
    }

    /** A tunnel device and the ways of the other nodes' pods into it. */
    final void addTunnel(IpFamily underlay, boolean direct) {
        TestNamespace host = node.namespace();
        addVxlan(host, DEVICE, VNI, of(underlay).self, "nolearning");
        String mac = "02:00:00:00:00:0c";
        host.exec(
                "bridge",
                "fdb",
                "append",
                mac,
                "dev",
                DEVICE,
                "dst",
                of(underlay).peer.toString());
        for (String block : List.of("10.244.2", "10.244.3", "fd00:10:244:2:", "fd00:10:244:3:")) {
            boolean v4 = block.startsWith("10");
            String via = block + (v4 ? ".0" : ":");
            if (!direct) {
                host.ip("route", "add", via + (v4 ? "/24" : "/64"), "via", via, "dev", DEVICE, "onlink");
                host.ip("neigh", "add", via, "lladdr", mac, "dev", DEVICE, "nud", "permanent");
            }
        }
    }

    static void addVxlan(TestNamespace namespace, String name, int vni, IpAddress local, String... more) {
        List<String> link = new ArrayList<>(List.of("link", "add", name, "type", "vxlan", "id", Integer.toString(vni)));
        link.addAll(List.of("dstport", Integer.toString(PORT), "local", local.toString()));
        link.addAll(List.of(more));
        namespace.ip(link.toArray(String[]::new));
        namespace.ip("link", "set", name, "up");
    }

    final byte[] toPort(IpAddress from, IpAddress to, int port, byte[] within) {
        return udp(from, to, port, vxlan(VNI, mac(node.namespace(), DEVICE), within));
    }

    final byte[] tunnelled(IpAddress from, IpAddress to, byte[] within) {
        return toPort(from, to, PORT, within);
    }

    /** Sends each packet and says which have arrived, by their names. */
    static Set<String> arrived(TestNamespace from, TestNamespace to, Map<String, byte[]> packets) {
        List<Boolean> arrived = Probe.inject(from, to, List.copyOf(packets.values()));
        List<String> names = List.copyOf(packets.keySet());
        Set<String> found = new TreeSet<>();
        for (int i = 0; i < names.size(); i++) {
            if (arrived.get(i)) {
                found.add(names.get(i));
            }
        }
        return found;
    }

    static Map<String, byte[]> forBoth(String name, Function<Addresses, byte[]> packet) {
        Map<String, byte[]> packets = new LinkedHashMap<>();
        packets.put(name + ", IPv4", packet.apply(V4));
        packets.put(name + ", IPv6", packet.apply(V6));
        return packets;
    }

    static byte[] toPod(Addresses a, IpAddress from) {
        return udp(from, a.pod1, 7777, mark());
    }

    /** What is in the node's kernel, of any technology, without what is counted. */
    final String kernel() {
        List<String> kernel = new ArrayList<>();
        for (String program : List.of(
                "nft --stateless list ruleset", "iptables-legacy-save", "ip6tables-legacy-save", "ipset save")) {
            kernel.add(node.namespace().exec(program.split(" ", -1)).replaceAll("(?m)^#.*\n|\\[\\d+:\\d+]", ""));
        }
        return String.join("\n", kernel);
    }
}
