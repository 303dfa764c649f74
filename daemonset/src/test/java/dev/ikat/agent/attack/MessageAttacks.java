package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.ALLOWED;
import static dev.ikat.agent.attack.Attempt.datagram;
import static dev.ikat.model.IpFamily.IPV4;
import static dev.ikat.model.IpFamily.IPV6;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.traffic.Crafted;
import dev.ikat.testbed.traffic.Frames.Place;
import java.util.List;
import java.util.Map;

/** What is said about others, and what is said to all. */
final class MessageAttacks {
    private static final MacAddress BROADCAST = MacAddress.parse("ff:ff:ff:ff:ff:ff");

    private MessageAttacks() {}

    static void neighbourDiscovery(Attempt attempt) {
        byte[] mac = attempt.scene().attackerMac().toBytes();
        byte[] unspecified = new byte[4];
        byte[] sourceLink = Crafted.join(new byte[] {1, 1}, mac);
        byte[] targetLink = Crafted.join(new byte[] {2, 1}, mac);
        attempt.victims().forEach(to -> {
            byte[] target = AttackScene.of(attempt.scene().friend(), IPV6).toBytes();
            byte[] gateway = IpAddress.parse("fe80::1").toBytes();
            // RFC 4861: solicitation and advertisement of a router, of a neighbour, redirect.
            Map<Integer, byte[]> messages = Map.of(
                    133, sourceLink,
                    134, Crafted.join(new byte[8], sourceLink),
                    135, Crafted.join(target, sourceLink),
                    136, Crafted.join(target, targetLink),
                    137, Crafted.join(gateway, target, targetLink));
            for (IpAddress from :
                    List.of(attempt.own(IPV6), IpAddress.parse("fe80::1"), IpAddress.parse("fe80::bad"))) {
                messages.forEach((type, message) -> attempt.forge(
                        "ICMPv6 " + type + " from " + from,
                        IPV6,
                        mark -> Crafted.ip(
                                from,
                                AttackScene.of(to, IPV6),
                                Crafted.ICMPV6,
                                Crafted.icmpMessage(type, 0, unspecified, Crafted.join(message, padded(mark)))),
                        attempt.placeOf(to)));
            }
            attempt.forgeFrame(
                    "ARP to a victim's MAC",
                    mark -> Crafted.ethernet(
                            AttackScene.mac(to.namespace()),
                            attempt.scene().attackerMac(),
                            Crafted.ARP,
                            Crafted.join(
                                    Crafted.arp(
                                            2,
                                            attempt.scene().attackerMac(),
                                            IpAddress.parse("169.254.1.1"),
                                            AttackScene.mac(to.namespace()),
                                            AttackScene.of(to, IPV4)),
                                    mark)),
                    attempt.placeOf(to));
        });
        attempt.allowed(IPV4, IPV6);
    }

    /** An option of an unknown kind, which neighbour discovery passes over. */
    private static byte[] padded(byte[] mark) {
        return Crafted.join(new byte[] {(byte) 253, 2, 0, 0, 0, 0, 0, 0}, mark);
    }

    /** The friend and the victim talk; what the attacker says about that, under its own address, is not to be heard. */
    static void errorsAboutOthers(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            attempt.victims().forEach(to -> {
                IpAddress victim = AttackScene.of(to, family);
                IpAddress friend = AttackScene.of(attempt.scene().friend(), family);
                ErrorMessages.conversation(attempt, to, family);
                ErrorMessages.about(family, victim, friend)
                        .forEach((name, error) -> attempt.forge(
                                name,
                                family,
                                mark -> error.from(attempt.own(family), victim, mark),
                                attempt.placeOf(to)));
                // About what it was sent itself, it may: the victim asks, and nobody listens there.
                attempt.others(
                        family + " the victim asks the attacker",
                        to,
                        family,
                        mark -> datagram(victim, attempt.own(family), ErrorMessages.PORT, mark),
                        attempt.attacker);
                ErrorMessages.about(family, victim, attempt.own(family))
                        .forEach((name, error) -> attempt.control(
                                name + ", about its own",
                                family,
                                mark -> error.from(attempt.own(family), victim, mark),
                                attempt.placeOf(to)));
            });
        }
    }

    static void forgedErrors(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            attempt.victims().forEach(to -> {
                ErrorMessages.conversation(attempt, to, family);
                IpAddress victim = AttackScene.of(to, family);
                IpAddress friend = AttackScene.of(attempt.scene().friend(), family);
                IpAddress gateway = IpAddress.parse(family == IpFamily.IPV4 ? "169.254.1.1" : "fe80::1");
                for (IpAddress from :
                        List.of(friend, gateway, AttackScene.of(attempt.scene().node(), family))) {
                    ErrorMessages.about(family, victim, friend)
                            .forEach((name, error) -> attempt.forge(
                                    name + " from " + from,
                                    family,
                                    mark -> error.from(from, victim, mark),
                                    attempt.placeOf(to)));
                }
            });
        }
        attempt.allowed(IpFamily.values());
    }

    static void broadcasts(Attempt attempt) {
        Place[] everywhere = {attempt.victim, attempt.remote, attempt.friend, attempt.world};
        for (String group : List.of("255.255.255.255", "10.244.1.255", "224.0.0.251", "239.1.1.1")) {
            // Of DHCP (67, 68), of mDNS, and of the port that is open.
            for (int port : List.of(68, 67, 5353, ALLOWED)) {
                attempt.forge(
                        "to " + group + ", port " + port,
                        IPV4,
                        mark -> Crafted.ip(
                                attempt.own(IPV4), IpAddress.parse(group), Crafted.UDP, Crafted.udp(67, port, mark)),
                        everywhere);
            }
            attempt.forgeFrame(
                    "broadcast to " + group,
                    mark -> Crafted.ethernet(
                            BROADCAST,
                            attempt.scene().attackerMac(),
                            Crafted.etherType(IPV4),
                            datagram(attempt.own(IPV4), IpAddress.parse(group), 68, mark)),
                    everywhere);
        }
        for (String group : List.of("ff02::1", "ff02::1:2", "ff02::fb", "ff05::1:3")) {
            for (int port : List.of(546, 547, 5353, ALLOWED)) {
                attempt.forge(
                        "to " + group + ", port " + port,
                        IPV6,
                        mark -> datagram(attempt.own(IPV6), IpAddress.parse(group), port, mark),
                        everywhere);
            }
        }
        for (IpFamily family : IpFamily.values()) {
            attempt.victims()
                    .forEach(to -> attempt.forge(
                            family + " a DHCP answer to a victim",
                            family,
                            mark -> Crafted.ip(
                                    attempt.own(family),
                                    AttackScene.of(to, family),
                                    Crafted.UDP,
                                    family == IPV4 ? Crafted.udp(67, 68, mark) : Crafted.udp(547, 546, mark)),
                            attempt.placeOf(to)));
        }
        attempt.allowed(IPV4, IPV6);
    }
}
