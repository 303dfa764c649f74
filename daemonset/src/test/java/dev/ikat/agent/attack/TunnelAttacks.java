package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.DENIED;
import static dev.ikat.agent.attack.Attempt.datagram;
import static dev.ikat.model.IpFamily.IPV4;
import static dev.ikat.model.IpFamily.IPV6;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.traffic.Crafted;
import java.util.List;
import java.util.stream.Stream;

/** Packets inside packets to a node, which is to unpack them. */
final class TunnelAttacks {
    private TunnelAttacks() {}

    static void tunnelsOverIp(Attempt attempt) {
        for (IpFamily outer : IpFamily.values()) {
            for (IpFamily inner : IpFamily.values()) {
                int protocol = inner == IPV4 ? Crafted.IPIP : Crafted.IPV6;
                byte[] gre = Crafted.join(Crafted.u16(0), Crafted.u16(Crafted.etherType(inner)));
                attempt.victims()
                        .forEach(to -> nodes(attempt, outer).forEach(node -> {
                            attempt.forge(
                                    inner + " in " + outer,
                                    outer,
                                    mark -> Crafted.ip(
                                            attempt.own(outer), node, protocol, inner(attempt, to, inner, mark)),
                                    attempt.placeOf(to));
                            attempt.forge(
                                    inner + " in GRE over " + outer,
                                    outer,
                                    mark -> Crafted.ip(
                                            attempt.own(outer),
                                            node,
                                            Crafted.GRE,
                                            Crafted.join(gre, inner(attempt, to, inner, mark))),
                                    attempt.placeOf(to));
                        }));
            }
        }
        attempt.allowed(IPV4, IPV6);
    }

    private static Stream<IpAddress> nodes(Attempt attempt, IpFamily family) {
        return attempt.scene().cluster().nodes().stream().map(node -> AttackScene.of(node, family));
    }

    /** A VXLAN packet to a node, in which Ikat's network is named and a frame from somewhere to a device of its. */
    static byte[] vxlan(
            Attempt attempt, IpFamily outer, IpAddress node, int port, int vni, MacAddress device, byte[] inner) {
        byte[] frame = Crafted.ethernet(device, attempt.scene().attackerMac(), Crafted.etherType(IPV4), inner);
        return datagram(attempt.own(outer), node, port, Crafted.vxlan(vni, frame));
    }

    static void tunnelsOverUdp(Attempt attempt) {
        byte[] geneve = Crafted.join(Crafted.u16(0), Crafted.u16(0x6558), Crafted.u16(0), Crafted.u16(0));
        for (IpFamily outer : IpFamily.values()) {
            attempt.victims()
                    .forEach(to -> nodes(attempt, outer).forEach(node -> {
                        MacAddress device = attempt.scene().tunnelMac(to.node());
                        for (int port : List.of(4789, AttackScene.VXLAN_PORT + 1, 250)) {
                            attempt.forge(
                                    "VXLAN over " + outer + ", port " + port,
                                    outer,
                                    mark -> vxlan(
                                            attempt,
                                            outer,
                                            node,
                                            port,
                                            AttackScene.VNI,
                                            device,
                                            inner(attempt, to, IPV4, mark)),
                                    attempt.placeOf(to));
                        }
                        attempt.forge(
                                "GENEVE over " + outer,
                                outer,
                                mark -> datagram(
                                        attempt.own(outer),
                                        node,
                                        6081,
                                        Crafted.join(
                                                geneve,
                                                Crafted.ethernet(
                                                        device,
                                                        attempt.scene().attackerMac(),
                                                        Crafted.etherType(IPV4),
                                                        inner(attempt, to, IPV4, mark)))),
                                attempt.placeOf(to));
                    }));
        }
        attempt.allowed(IPV4, IPV6);
    }

    /** The packet inside: what the friend may send, and the attacker may not. */
    static byte[] inner(Attempt attempt, ClusterPod to, IpFamily family, byte[] mark) {
        return datagram(AttackScene.of(attempt.scene().friend(), family), AttackScene.of(to, family), DENIED, mark);
    }
}
