package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.ALLOWED;
import static dev.ikat.agent.attack.AttackScene.DENIED;
import static dev.ikat.agent.attack.Attempt.datagram;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames.Place;
import java.util.List;
import java.util.function.UnaryOperator;

/** The rows about addresses and tunnels that have to be looked at before a packet has a connection or a receiver. */
final class GuardedAttacks {
    private static final int OTHERS_VNI = 42;
    private static final int OTHERS_PORT = 4789;

    private GuardedAttacks() {}

    static List<Attack> all() {
        return List.of(
                new Attack("source: another address, to the node", GuardedAttacks::forgedSourcesToTheNode),
                new Attack("source: another address, in its connection", GuardedAttacks::intoConnections),
                new Attack("tunnel: VXLAN to Ikat's port", GuardedAttacks::tunnel),
                new Attack("tunnel: VXLAN to somebody else's device", GuardedAttacks::othersTunnel));
    }

    private static void forgedSourcesToTheNode(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            IpAddress node = AttackScene.of(attempt.scene().node(), family);
            Attacks.others(attempt.scene(), family)
                    .forEach((name, from) -> attempt.forge(
                            family + " from " + name,
                            family,
                            mark -> datagram(from, node, ALLOWED, mark),
                            attempt.node));
            attempt.control(
                    family + " from its own",
                    family,
                    mark -> datagram(attempt.own(family), node, ALLOWED, mark),
                    attempt.node);
        }
    }

    /** The friend and the victim talk, and the attacker says something in the friend's name. */
    private static void intoConnections(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            attempt.victims().forEach(to -> {
                ErrorMessages.conversation(attempt, to, family);
                IpAddress friend = AttackScene.of(attempt.scene().friend(), family);
                attempt.forge(
                        family + " in the friend's name",
                        family,
                        mark -> Crafted.ip(
                                friend,
                                AttackScene.of(to, family),
                                Crafted.UDP,
                                Crafted.udp(DENIED, ErrorMessages.PORT, mark)),
                        attempt.placeOf(to));
            });
        }
        attempt.allowed(IpFamily.values());
    }

    private static void tunnel(Attempt attempt) {
        for (IpFamily outer : IpFamily.values()) {
            attempt.victims().forEach(to -> {
                MacAddress device = attempt.scene().tunnelMac(to.node());
                attempt.scene()
                        .cluster()
                        .nodes()
                        .forEach(node -> attempt.forge(
                                "over " + outer + " to " + node,
                                outer,
                                mark -> TunnelAttacks.vxlan(
                                        attempt,
                                        outer,
                                        AttackScene.of(node, outer),
                                        AttackScene.VXLAN_PORT,
                                        AttackScene.VNI,
                                        device,
                                        TunnelAttacks.inner(attempt, to, IpFamily.IPV4, mark)),
                                attempt.placeOf(to)));
            });
        }
        attempt.allowed(IpFamily.values());
    }

    /** A device that the host has for something else and that takes packets of anybody, pods included. */
    private static void othersTunnel(Attempt attempt) {
        TestNamespace node = attempt.scene().node().namespace();
        node.ip(
                "link",
                "add",
                "others0",
                "type",
                "vxlan",
                "id",
                Integer.toString(OTHERS_VNI),
                "dstport",
                Integer.toString(OTHERS_PORT));
        try {
            node.ip("link", "set", "others0", "up");
            MacAddress device = MacAddress.parse(
                    node.ipJson("link", "show", "others0").get(0).get("address").text());
            Place others = attempt.watchNode("others0");
            IpAddress address = AttackScene.of(attempt.scene().node(), IpFamily.IPV4);
            UnaryOperator<byte[]> tunnelled = inner ->
                    TunnelAttacks.vxlan(attempt, IpFamily.IPV4, address, OTHERS_PORT, OTHERS_VNI, device, inner);
            attempt.victims()
                    .forEach(to -> attempt.forge(
                            "in the friend's name",
                            IpFamily.IPV4,
                            mark -> tunnelled.apply(TunnelAttacks.inner(attempt, to, IpFamily.IPV4, mark)),
                            attempt.placeOf(to)));
            attempt.control(
                    "what is in the tunnel is the device's owner's business",
                    IpFamily.IPV4,
                    mark -> tunnelled.apply(datagram(attempt.own(IpFamily.IPV4), address, DENIED, mark)),
                    others);
            attempt.verify();
        } finally {
            node.ip("link", "delete", "others0");
        }
    }
}
