package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.ALLOWED;
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
import java.util.Map;
import java.util.stream.Stream;

/** The table: packets by which a pod might get past policy, to pods of its own node and of another one. */
final class Attacks {
    private static final MacAddress BROADCAST = MacAddress.parse("ff:ff:ff:ff:ff:ff");

    private Attacks() {}

    static List<Attack> all() {
        return Stream.concat(ofHeaders().stream(), GuardedAttacks.all().stream())
                .toList();
    }

    private static List<Attack> ofHeaders() {
        return List.of(
                new Attack("source: another address", Attacks::forgedSources),
                new Attack("source: another address, to the world", Attacks::forgedSourcesToTheWorld),
                new Attack("source: loopback, to the node", Attacks::loopbackToTheNode),
                new Attack("destination: the node's loopback", Attacks::toLoopback),
                new Attack("tunnel: IPIP, 6in4, GRE", TunnelAttacks::tunnelsOverIp),
                new Attack("tunnel: GENEVE, VXLAN on other ports", TunnelAttacks::tunnelsOverUdp),
                new Attack("link layer: 802.1Q, QinQ, MPLS", Attacks::tags),
                new Attack("link layer: other MAC addresses", Attacks::macAddresses),
                new Attack("routing headers, source routes: past the node", HeaderAttacks::sourceRoutes),
                new Attack("routing headers: to the victim itself", HeaderAttacks::routingHeaders),
                new Attack("fragments: overlapping heads", HeaderAttacks::overlappingFragments),
                new Attack("fragments: heads without ports", HeaderAttacks::tinyFragments),
                new Attack("neighbour discovery and redirects to other pods", MessageAttacks::neighbourDiscovery),
                new Attack("errors about other pods' connections", MessageAttacks::errorsAboutOthers),
                new Attack("errors and redirects in another's name", MessageAttacks::forgedErrors),
                new Attack("DHCP answers, broadcast and multicast", MessageAttacks::broadcasts),
                new Attack("own link: promiscuous", OwnLink::promiscuous),
                new Attack("own link: another MAC address", OwnLink::otherMac),
                new Attack("own link: another address", OwnLink::otherAddress));
    }

    /** What a packet may claim to come from that is not the pod's. */
    static Map<String, IpAddress> others(AttackScene scene, IpFamily family) {
        boolean v4 = family == IPV4;
        return Map.ofEntries(
                Map.entry("the friend's", AttackScene.of(scene.friend(), family)),
                Map.entry("the victim's", AttackScene.of(scene.victim(), family)),
                Map.entry("the other node's pod's", AttackScene.of(scene.remote(), family)),
                Map.entry("its node's", AttackScene.of(scene.node(), family)),
                Map.entry("the other node's", AttackScene.of(scene.otherNode(), family)),
                Map.entry("an unused one", AttackScene.unused(family)),
                Map.entry("the world's", AttackScene.outside(family)),
                Map.entry("loopback", IpAddress.parse(v4 ? "127.0.0.1" : "::1")),
                Map.entry("the gateway's", IpAddress.parse(v4 ? "169.254.1.1" : "fe80::1")),
                Map.entry("a multicast group's", IpAddress.parse(v4 ? "224.0.0.5" : "ff02::5")),
                Map.entry("none", IpAddress.parse(v4 ? "0.0.0.0" : "::")));
    }

    private static void forgedSources(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            attempt.victims()
                    .forEach(to -> others(attempt.scene(), family)
                            .forEach((name, from) -> attempt.forge(
                                    family + " from " + name,
                                    family,
                                    mark -> datagram(from, AttackScene.of(to, family), DENIED, mark),
                                    attempt.placeOf(to))));
        }
        attempt.allowed(IPV4, IPV6);
    }

    private static void forgedSourcesToTheWorld(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            IpAddress outside = AttackScene.outside(family);
            others(attempt.scene(), family)
                    .forEach((name, from) -> attempt.forge(
                            family + " from " + name,
                            family,
                            mark -> datagram(from, outside, ALLOWED, mark),
                            attempt.world));
            attempt.control(
                    family + " from its own",
                    family,
                    mark -> datagram(attempt.own(family), outside, ALLOWED, mark),
                    attempt.world);
        }
    }

    private static void loopbackToTheNode(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            for (String from : family == IPV4 ? List.of("127.0.0.1", "224.0.0.5") : List.of("::1", "ff02::5")) {
                attempt.forge(
                        "from " + from,
                        family,
                        mark -> datagram(
                                IpAddress.parse(from),
                                AttackScene.of(attempt.scene().node(), family),
                                ALLOWED,
                                mark),
                        attempt.node);
            }
            toNode(attempt, family);
        }
    }

    private static void toNode(Attempt attempt, IpFamily family) {
        attempt.control(
                family + " to the node",
                family,
                mark -> datagram(
                        attempt.own(family), AttackScene.of(attempt.scene().node(), family), ALLOWED, mark),
                attempt.node);
    }

    private static void toLoopback(Attempt attempt) {
        attempt.forge(
                "to 127.0.0.1",
                IPV4,
                mark -> datagram(attempt.own(IPV4), IpAddress.parse("127.0.0.1"), ALLOWED, mark),
                attempt.node);
        attempt.forge(
                "to ::1",
                IPV6,
                mark -> datagram(attempt.own(IPV6), IpAddress.parse("::1"), ALLOWED, mark),
                attempt.node);
        toNode(attempt, IPV4);
        toNode(attempt, IPV6);
    }

    private static void tags(Attempt attempt) {
        for (IpFamily family : IpFamily.values()) {
            int type = Crafted.etherType(family);
            attempt.victims().forEach(to -> {
                for (int vlan : List.of(0, 1, 5)) {
                    attempt.forgeFrame(
                            "802.1Q " + vlan,
                            mark -> frame(
                                    attempt,
                                    Crafted.DOT1Q,
                                    Crafted.tagged(vlan, type, denied(attempt, to, family, mark))),
                            attempt.placeOf(to));
                    attempt.forgeFrame(
                            "QinQ " + vlan,
                            mark -> frame(
                                    attempt,
                                    Crafted.DOT1AD,
                                    Crafted.tagged(
                                            vlan,
                                            Crafted.DOT1Q,
                                            Crafted.tagged(vlan, type, denied(attempt, to, family, mark)))),
                            attempt.placeOf(to));
                }
                // A label at the bottom of the stack that says what follows: 0 is IPv4, 2 is IPv6 (RFC 3032).
                byte[] label = {0, (byte) (family == IPV4 ? 0x01 : 0x21), 1, (byte) 64};
                attempt.forgeFrame(
                        "MPLS",
                        mark -> frame(attempt, Crafted.MPLS, Crafted.join(label, denied(attempt, to, family, mark))),
                        attempt.placeOf(to));
            });
            // A tag of VLAN 0 is none (IEEE 802.1Q): policy is asked about what is in it.
            attempt.controlFrame(
                    "802.1Q 0, allowed",
                    mark -> frame(
                            attempt,
                            Crafted.DOT1Q,
                            Crafted.tagged(
                                    0,
                                    type,
                                    datagram(
                                            attempt.own(family),
                                            AttackScene.of(attempt.scene().victim(), family),
                                            ALLOWED,
                                            mark))),
                    attempt.victim);
        }
        attempt.allowed(IPV4, IPV6);
    }

    private static byte[] frame(Attempt attempt, int type, byte[] payload) {
        return Crafted.ethernet(AttackScene.GATEWAY_MAC, attempt.scene().attackerMac(), type, payload);
    }

    /** What the attacker may not send to this victim, under its own address. */
    static byte[] denied(Attempt attempt, ClusterPod to, IpFamily family, byte[] mark) {
        return datagram(attempt.own(family), AttackScene.of(to, family), DENIED, mark);
    }

    private static void macAddresses(Attempt attempt) {
        MacAddress own = attempt.scene().attackerMac();
        MacAddress victims = AttackScene.mac(attempt.scene().victim().namespace());
        for (IpFamily family : IpFamily.values()) {
            int type = Crafted.etherType(family);
            attempt.victims().forEach(to -> {
                for (MacAddress from : List.of(victims, AttackScene.GATEWAY_MAC, BROADCAST)) {
                    attempt.forgeFrame(
                            "from " + from,
                            mark -> Crafted.ethernet(
                                    AttackScene.GATEWAY_MAC, from, type, denied(attempt, to, family, mark)),
                            attempt.placeOf(to));
                }
                for (MacAddress other :
                        List.of(victims, BROADCAST, attempt.scene().tunnelMac(to.node()))) {
                    attempt.forgeFrame(
                            "to " + other,
                            mark -> Crafted.ethernet(other, own, type, denied(attempt, to, family, mark)),
                            attempt.placeOf(to));
                }
            });
        }
        attempt.allowed(IPV4, IPV6);
    }
}
