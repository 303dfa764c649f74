package dev.ikat.agent.attack;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.cluster.Manifests;
import dev.ikat.testbed.cluster.Underlay;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames;
import dev.ikat.testbed.traffic.Probe;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Two nodes whose own settings are as bad as an administrator's can be, and their pods. {@code victim}, and
 * {@code remote} on the other node, let in whatever {@code friend} sends, and of {@code attacker} one UDP port.
 * {@code friend} and {@code attacker} run beside the victim.
 */
final class AttackScene implements AutoCloseable {
    /** The UDP port of the victims that the attacker may reach, and on which the nodes listen. */
    static final int ALLOWED = 7001;

    /** One that only the friend may. */
    static final int DENIED = 7002;

    /** One on which the node itself has an echo. */
    static final int ANSWERED = 7003;

    /** Ikat's tunnel, as it is unless set otherwise. */
    static final int VXLAN_PORT = 8472;

    static final int VNI = 4796;

    private static final IpAddress FRESH = IpAddress.parse("fd00:30::77");

    /** A link of the node's that nobody guards: what has no effect there can't be told from what is stopped. */
    static final String PLAIN = "plain0";

    private static final Duration EFFECT = Duration.ofSeconds(10);
    private static final Duration GLANCE = Duration.ofMillis(300);
    private static final String NAMESPACE = "shop";
    private static final Json ANY = new Json.Obj(Map.of());
    /** The host end of every pod's link. */
    static final MacAddress GATEWAY_MAC = MacAddress.parse("ee:ee:ee:ee:ee:ee");

    /** What a node's links get from the moment they are made; Ikat's own have to withstand it. */
    private static final List<String> HOSTILE = List.of(
            // First, as it puts back what the kernel thinks right for a router.
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.accept_redirects=1",
            "net.ipv4.conf.all.secure_redirects=0",
            "net.ipv4.conf.all.accept_source_route=1",
            "net.ipv4.conf.default.accept_redirects=1",
            "net.ipv4.conf.default.secure_redirects=0",
            "net.ipv4.conf.default.accept_source_route=1",
            "net.ipv4.conf.default.arp_accept=1",
            "net.ipv4.conf.default.proxy_arp=1",
            "net.ipv4.conf.default.accept_local=1",
            "net.ipv4.conf.default.route_localnet=1",
            "net.ipv4.conf.default.rp_filter=0",
            "net.ipv6.conf.all.accept_source_route=1",
            "net.ipv6.conf.all.seg6_enabled=1",
            "net.ipv6.conf.all.rpl_seg_enabled=1",
            "net.ipv6.conf.default.accept_ra=2",
            "net.ipv6.conf.default.accept_redirects=1",
            "net.ipv6.conf.default.accept_source_route=1",
            "net.ipv6.conf.default.accept_untracked_na=1",
            "net.ipv6.conf.default.proxy_ndp=1",
            "net.ipv6.conf.default.seg6_enabled=1",
            "net.ipv6.conf.default.rpl_seg_enabled=1");

    private final Cluster cluster;
    private final ClusterNode node;
    private final ClusterNode otherNode;
    private final ClusterPod attacker;
    private final ClusterPod friend;
    private final ClusterPod victim;
    private final ClusterPod remote;
    private final MacAddress attackerMac;
    private final String attackerLink;
    private final Probe.Server echo;
    private final TestNamespace plain = TestNamespace.create();

    /** Makes it with agents of these options. */
    AttackScene(String... agentArguments) {
        cluster = Cluster.create(Cluster.Options.nodes(2).withAgentArguments(agentArguments));
        try {
            node = cluster.node(0);
            otherNode = cluster.node(1);
            cluster.nodes()
                    .forEach(each -> HOSTILE.forEach(setting -> {
                        String[] parts = setting.split("=", 2);
                        each.namespace().sysctl(parts[0], parts[1]);
                    }));
            cluster.apply("shop.yaml", Manifests.namespace(NAMESPACE, "{}") + policy());
            cluster.startAgents();
            attacker = add(node, "attacker");
            friend = add(node, "friend");
            victim = add(node, "victim");
            remote = add(otherNode, "remote");
            attackerMac = mac(attacker.namespace());
            attackerLink = linkTo(attacker);
            addPlain();
            echo = Probe.serve(node.namespace(), ANSWERED);
            awaitPolicy();
        } catch (RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    private void addPlain() {
        node.namespace().ip("link", "add", PLAIN, "type", "veth", "peer", "name", "eth0", "netns", plain.name());
        node.namespace().ip("link", "set", PLAIN, "up");
        plain.ip("link", "set", "eth0", "up");
    }

    /** Makes it anew, and has the node forget what came by it. */
    void renewPlain() {
        node.namespace().ip("link", "delete", PLAIN);
        node.namespace().ip("route", "flush", "cache");
        addPlain();
    }

    private static String policy() {
        return Manifests.networkPolicy(NAMESPACE, "guarded", """
                podSelector: {matchExpressions: [{key: app, operator: In, values: [victim, remote]}]}
                ingress:
                  - from: [{podSelector: {matchLabels: {app: friend}}}]
                  - from: [{podSelector: {matchLabels: {app: attacker}}}]
                    ports: [{protocol: UDP, port: %d}]
                """.formatted(ALLOWED));
    }

    private ClusterPod add(ClusterNode where, String name) {
        publish(where, name, List.of());
        ClusterPod pod = where.addPod(NAMESPACE, name, ANY, TestNamespace.create());
        publish(where, name, pod.addresses());
        return pod;
    }

    private void publish(ClusterNode where, String name, List<IpAddress> addresses) {
        cluster.apply(
                name + ".yaml", Manifests.pod(NAMESPACE, name, "{app: " + name + "}", where.name(), "[]", addresses));
    }

    /** The pods' addresses come to the other node's agent a moment later. */
    private void awaitPolicy() {
        List<ClusterPod> senders = List.of(friend, attacker);
        List<ClusterPod> receivers = List.of(victim, remote);
        Await.until(EFFECT, () -> "what is allowed does not pass: " + otherNode.logTail(), () -> {
            Frames frames = new Frames();
            for (ClusterPod to : receivers) {
                Frames.Place place = frames.watch(to.name(), to.namespace(), "eth0");
                for (ClusterPod from : senders) {
                    for (IpFamily family : IpFamily.values()) {
                        Frames.Mark mark = frames.mark();
                        byte[] packet = udp(from, to, family, from == friend ? DENIED : ALLOWED, mark);
                        frames.send(from.namespace(), "eth0", frame(from, family, packet));
                        frames.await(place, mark, GLANCE);
                    }
                }
            }
            return frames.run().lines().size() == senders.size() * receivers.size() * IpFamily.values().length;
        });
    }

    private byte[] udp(ClusterPod from, ClusterPod to, IpFamily family, int port, Frames.Mark mark) {
        return Crafted.ip(of(from, family), of(to, family), Crafted.UDP, Crafted.udp(7000, port, mark.bytes()));
    }

    private static byte[] frame(ClusterPod from, IpFamily family, byte[] packet) {
        return Crafted.ethernet(GATEWAY_MAC, mac(from.namespace()), Crafted.etherType(family), packet);
    }

    static MacAddress mac(TestNamespace namespace) {
        return MacAddress.parse(
                namespace.ipJson("link", "show", "eth0").get(0).get("address").text());
    }

    /** A pod's address of the family. */
    static IpAddress of(ClusterPod pod, IpFamily family) {
        return pod.address(family).orElseThrow();
    }

    /** A node's address of the family. */
    static IpAddress of(ClusterNode node, IpFamily family) {
        return node.internalIps().stream()
                .map(ip -> ip.address())
                .filter(address -> address.family() == family)
                .findFirst()
                .orElseThrow();
    }

    /** The world's address of the family. */
    static IpAddress outside(IpFamily family) {
        return family == IpFamily.IPV4 ? Underlay.OUTSIDE_V4 : Underlay.OUTSIDE_V6;
    }

    /** An address of the node's block that no pod has. */
    static IpAddress unused(IpFamily family) {
        return IpAddress.parse(family == IpFamily.IPV4 ? "10.244.1.200" : "fd00:10:244:1::c8");
    }

    /** The link-layer address of a node's own tunnel device. */
    MacAddress tunnelMac(ClusterNode of) {
        return MacAddress.parse(of.namespace()
                .ipJson("link", "show", "ikat-vxlan")
                .get(0)
                .get("address")
                .text());
    }

    /** A host that was not there before, on the network between the nodes. */
    IpAddress addToUnderlay() {
        cluster.underlay().namespace().ip("-6", "address", "add", FRESH + "/64", "dev", "subnet0", "nodad");
        return FRESH;
    }

    /** The host end of a pod's link. */
    String linkTo(ClusterPod pod) {
        return pod.node()
                .namespace()
                .ipJson("route", "get", of(pod, IpFamily.IPV4).toString())
                .get(0)
                .get("dev")
                .text();
    }

    /** Whoever is at the other end of {@link #PLAIN}, by an interface of the same name as a pod's. */
    TestNamespace plain() {
        return plain;
    }

    Cluster cluster() {
        return cluster;
    }

    ClusterNode node() {
        return node;
    }

    ClusterNode otherNode() {
        return otherNode;
    }

    ClusterPod attacker() {
        return attacker;
    }

    ClusterPod friend() {
        return friend;
    }

    ClusterPod victim() {
        return victim;
    }

    ClusterPod remote() {
        return remote;
    }

    MacAddress attackerMac() {
        return attackerMac;
    }

    String attackerLink() {
        return attackerLink;
    }

    @Override
    public void close() {
        echo.close();
        plain.close();
        cluster.close();
    }
}
