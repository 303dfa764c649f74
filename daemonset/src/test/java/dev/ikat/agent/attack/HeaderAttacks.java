package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.ALLOWED;
import static dev.ikat.agent.attack.AttackScene.DENIED;
import static dev.ikat.agent.attack.Attempt.datagram;
import static dev.ikat.model.IpFamily.IPV4;
import static dev.ikat.model.IpFamily.IPV6;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames.Place;
import java.util.Arrays;
import java.util.List;

/** Headers that name more than one destination, or that come in pieces. */
final class HeaderAttacks {
    private HeaderAttacks() {}

    /**
     * To the node, which is to send them on to the victim: in a flow of their own, and in one that the node answers.
     */
    static void sourceRoutes(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            IpAddress node = AttackScene.of(attempt.scene().node(), family);
            for (int port : List.of(DENIED, AttackScene.ANSWERED)) {
                if (port == AttackScene.ANSWERED) {
                    attempt.control(
                            family + " answered by the node",
                            family,
                            mark -> datagram(attempt.own(family), node, port, mark),
                            attempt.attacker);
                }
                attempt.victims().forEach(to -> {
                    IpAddress last = AttackScene.of(to, family);
                    (family == IPV4 ? SourceRoute.optionsTo(last) : SourceRoute.headersTo(last, attempt.own(IPV6)))
                            .forEach((name, route) -> attempt.forge(
                                    name + ", port " + port,
                                    family,
                                    mark -> route.around(attempt.own(family), node, port, mark),
                                    attempt.placeOf(to)));
                });
            }
        }
        attempt.allowed(IPV4, IPV6);
    }

    static void routingHeaders(Attempt attempt) {
        attempt.victims().forEach(to -> {
            IpAddress victim = AttackScene.of(to, IPV6);
            SourceRoute.headersTo(AttackScene.of(attempt.scene().friend(), IPV6), victim)
                    .forEach((name, route) -> attempt.forge(
                            name,
                            IPV6,
                            mark -> route.around(attempt.own(IPV6), victim, DENIED, mark),
                            attempt.placeOf(to)));
        });
        attempt.allowed(IPV6);
    }

    /** A first piece that may pass, and others that put another port, or another answer, in its place. */
    static void overlappingFragments(Attempt attempt) {
        int id = 1;
        for (IpFamily family : IpFamily.values()) {
            for (ClusterPod to : attempt.victims().toList()) {
                IpAddress from = attempt.own(family);
                IpAddress victim = AttackScene.of(to, family);
                Place place = attempt.placeOf(to);
                for (boolean goodFirst : List.of(true, false)) {
                    int number = id++;
                    byte[] good = Crafted.udp(7000, ALLOWED, new byte[24]);
                    byte[] first = goodFirst ? good : Crafted.udp(7000, DENIED, new byte[24]);
                    attempt.part(family, Crafted.fragment(from, victim, Crafted.UDP, 0, true, number, cut(first, 16)));
                    attempt.forge(
                            family + " second head " + (goodFirst ? "denied" : "allowed"),
                            family,
                            mark -> Crafted.fragment(
                                    from,
                                    victim,
                                    Crafted.UDP,
                                    0,
                                    true,
                                    number,
                                    Crafted.udp(7000, goodFirst ? DENIED : ALLOWED, Crafted.join(mark, new byte[8]))),
                            place);
                    attempt.forge(
                            family + " tail",
                            family,
                            mark -> Crafted.fragment(from, victim, Crafted.UDP, 16, false, number, mark),
                            place);
                }
                int whole = id++;
                byte[] head = Crafted.udp(7000, ALLOWED, new byte[16]);
                // Its checksum would be over the whole of it; IPv4 may leave it out, and who watches does not look.
                attempt.part(family, Crafted.fragment(from, victim, Crafted.UDP, 0, true, whole, cut(head, 16)));
                attempt.control(
                        family + " fragments that fit",
                        family,
                        mark -> Crafted.fragment(from, victim, Crafted.UDP, 16, false, whole, mark),
                        place);
            }
        }
    }

    private static byte[] cut(byte[] bytes, int length) {
        return Arrays.copyOf(bytes, length);
    }

    /** The first piece ends before the port; or there is none. */
    static void tinyFragments(Attempt attempt) {
        int id = 100;
        for (IpFamily family : IpFamily.values()) {
            for (ClusterPod to : attempt.victims().toList()) {
                IpAddress from = attempt.own(family);
                IpAddress victim = AttackScene.of(to, family);
                int number = id++;
                // A piece of TCP without flags: eight bytes are the least of one that is not the last.
                byte[] tcp = Crafted.join(Crafted.u16(7000), Crafted.u16(DENIED), Crafted.u16(0), Crafted.u16(1));
                attempt.part(family, Crafted.fragment(from, victim, Crafted.TCP, 0, true, number, tcp));
                attempt.forge(
                        family + " TCP whose flags come later",
                        family,
                        mark -> Crafted.fragment(
                                from,
                                victim,
                                Crafted.TCP,
                                8,
                                false,
                                number,
                                Crafted.join(new byte[] {0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0}, mark)),
                        attempt.placeOf(to));
                attempt.forge(
                        family + " a tail alone",
                        family,
                        mark -> Crafted.fragment(from, victim, Crafted.UDP, 8, false, 99, mark),
                        attempt.placeOf(to));
            }
        }
        attempt.allowed(IPV4, IPV6);
    }
}
