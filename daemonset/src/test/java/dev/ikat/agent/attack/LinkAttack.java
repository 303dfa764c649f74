package dev.ikat.agent.attack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A row of the table about what a pod tells the node itself: neighbours, routers, better ways. The control is the same
 * frame on a link that nobody guards, where the node does believe it.
 *
 * @param name what is tried
 * @param frame what is sent, by whom and with a link-layer address of which
 * @param believed what the node then knows, of those that it knows about one of its links; empty if it believes nothing
 */
record LinkAttack(String name, Function<Sender, byte[]> frame, Function<AttackScene, Stream<String>> believed) {
    private static final Duration EFFECT = Duration.ofSeconds(5);
    private static final int MANY = 1500;
    private static final MacAddress BROADCAST = MacAddress.parse("ff:ff:ff:ff:ff:ff");
    private static final MacAddress ALL_NODES_MAC = MacAddress.parse("33:33:00:00:00:01");
    private static final IpAddress ALL_NODES = IpAddress.parse("ff02::1");
    private static final IpAddress LIAR = IpAddress.parse("fe80::bad");
    private static final IpAddress CLAIMED = IpAddress.parse("10.244.1.77");

    /** One end of a link of the node's. */
    record Sender(AttackScene scene, TestNamespace namespace, MacAddress mac, MacAddress nodeMac) {}

    static List<LinkAttack> all() {
        return List.of(
                new LinkAttack(
                        "ARP: a question that claims an address",
                        sender -> arp(sender, 1, CLAIMED, node(sender.scene, IpFamily.IPV4)),
                        scene -> neighbours(scene, CLAIMED)),
                new LinkAttack(
                        "ARP: an answer that nobody asked for",
                        sender -> arp(sender, 2, CLAIMED, CLAIMED),
                        scene -> neighbours(scene, CLAIMED)),
                new LinkAttack(
                        "NDP: a solicitation of routers that claims an address",
                        sender -> ndp(sender, 133, new byte[4], link(1, sender.mac)),
                        scene -> neighbours(scene, LIAR)),
                new LinkAttack(
                        "NDP: an advertisement that nobody asked for",
                        sender -> ndp(
                                sender,
                                136,
                                new byte[] {0x20, 0, 0, 0},
                                Crafted.join(LIAR.toBytes(), link(2, sender.mac))),
                        scene -> neighbours(scene, LIAR)),
                new LinkAttack(
                        "RA: a router, and a prefix to take an address of",
                        sender -> ndp(sender, 134, new byte[] {64, 0, 1, 0}, Crafted.join(new byte[8], prefix())),
                        scene -> Stream.concat(
                                scene.node()
                                        .namespace()
                                        .ip("-6", "route", "show", "proto", "ra")
                                        .lines(),
                                scene.node()
                                        .namespace()
                                        .ip("-6", "address", "show", "dynamic")
                                        .lines()
                                        .filter(line -> line.contains("inet6")))),
                new LinkAttack(
                        "redirect: a better way for the node",
                        LinkAttack::redirect,
                        scene -> scene.node()
                                .namespace()
                                .ip(
                                        "route",
                                        "get",
                                        AttackScene.outside(IpFamily.IPV4).toString())
                                .lines()
                                .filter(line -> line.contains("via " + otherGateway(scene)))));
    }

    private static IpAddress node(AttackScene scene, IpFamily family) {
        return AttackScene.of(scene.node(), family);
    }

    /** Whoever is to get the node's packets must be known to it already. */
    private static IpAddress otherGateway(AttackScene scene) {
        return AttackScene.of(scene.otherNode(), IpFamily.IPV4);
    }

    /** An entry that says NOARP has no more than the address: no link-layer address was believed. */
    private static Stream<String> neighbours(AttackScene scene, IpAddress claimed) {
        return scene.node()
                .namespace()
                .ip("neigh", "show", "nud", "all")
                .lines()
                .filter(line -> line.startsWith(claimed + " ") && line.contains("lladdr") && !line.endsWith("NOARP "));
    }

    private static byte[] arp(Sender sender, int operation, IpAddress own, IpAddress target) {
        return Crafted.ethernet(
                BROADCAST, sender.mac, Crafted.ARP, Crafted.arp(operation, sender.mac, own, BROADCAST, target));
    }

    private static byte[] link(int option, MacAddress mac) {
        return Crafted.join(new byte[] {(byte) option, 1}, mac.toBytes());
    }

    /** An on-link prefix for addresses, valid for an hour (RFC 4861, section 4.6.2). */
    private static byte[] prefix() {
        byte[] hour = {0, 0, 14, 16};
        return Crafted.join(
                new byte[] {3, 4, 64, (byte) 0xc0},
                hour,
                hour,
                new byte[4],
                IpAddress.parse("2001:db8:bad::").toBytes());
    }

    private static byte[] ndp(Sender sender, int type, byte[] field, byte[] rest) {
        return ndp(LIAR, sender.mac, type, field, rest);
    }

    private static byte[] ndp(IpAddress from, MacAddress mac, int type, byte[] field, byte[] rest) {
        byte[] message = Crafted.icmpMessage(type, 0, field, rest);
        // Every node listens to the group of all nodes, where a solicitation of routers is welcome too.
        return Crafted.ethernet(
                ALL_NODES_MAC,
                mac,
                Crafted.etherType(IpFamily.IPV6),
                Crafted.ip(from, ALL_NODES, Crafted.ICMPV6, message));
    }

    /** As the node's own gateway would say it of an answer to a ping, for which no socket has to be there. */
    private static byte[] redirect(Sender sender) {
        IpAddress node = node(sender.scene, IpFamily.IPV4);
        IpAddress gateway = IpAddress.parse("172.30.0.1");
        byte[] quoted = Crafted.ip(
                node,
                AttackScene.outside(IpFamily.IPV4),
                Crafted.ICMP,
                Crafted.icmpMessage(0, 0, new byte[4], new byte[8]));
        return Crafted.ethernet(
                sender.nodeMac,
                sender.mac,
                Crafted.etherType(IpFamily.IPV4),
                Crafted.ip(
                        gateway,
                        node,
                        Crafted.ICMP,
                        Crafted.icmpMessage(5, 1, otherGateway(sender.scene).toBytes(), quoted)));
    }

    void run(AttackScene scene) {
        assertThat(believed.apply(scene)).as("what the node believes before").isEmpty();
        Sender attacker = new Sender(scene, scene.attacker().namespace(), scene.attackerMac(), AttackScene.GATEWAY_MAC);
        send(attacker);
        // What was sent before has been looked at once this is there.
        Attempt after = new Attempt(scene);
        after.allowed(IpFamily.values());
        after.verify();
        assertThat(believed.apply(scene))
                .as("what the node believes of the pod")
                .isEmpty();

        Sender plain = new Sender(
                scene,
                scene.plain(),
                AttackScene.mac(scene.plain()),
                MacAddress.parse(scene.node()
                        .namespace()
                        .ipJson("link", "show", AttackScene.PLAIN)
                        .get(0)
                        .get("address")
                        .text()));
        try {
            send(plain);
            Await.until(
                    EFFECT,
                    () -> "the node does not believe it on another link either: the attack was not tried",
                    () -> believed.apply(scene).findAny().isPresent());
        } finally {
            // What it learned there goes with the link.
            scene.renewPlain();
        }
    }

    /** Solicits routers from more addresses than the kernel remembers neighbours (gc_thresh3). */
    static void claimMany(AttackScene scene) {
        Frames frames = new Frames();
        IpAddress claimed = IpAddress.parse("fe80::1:0:0");
        for (int i = 0; i < MANY; i++) {
            claimed = claimed.next();
            frames.send(
                    scene.attacker().namespace(),
                    "eth0",
                    ndp(claimed, scene.attackerMac(), 133, new byte[4], link(1, scene.attackerMac())));
        }
        frames.run();
    }

    private void send(Sender sender) {
        Frames frames = new Frames();
        frames.send(sender.namespace, "eth0", frame.apply(sender));
        frames.run();
    }
}
