package dev.ikat.agent.attack;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Crafted;

/** What a pod that may configure its own link does with it, while others talk. */
final class OwnLink {
    private OwnLink() {}

    static void promiscuous(Attempt attempt) {
        attempt.scene().attacker().namespace().ip("link", "set", "eth0", "promisc", "on");
        othersTalk(attempt);
    }

    /** The victim's own, under which it also sends. */
    static void otherMac(Attempt attempt) {
        TestNamespace attacker = attempt.scene().attacker().namespace();
        MacAddress victims = AttackScene.mac(attempt.scene().victim().namespace());
        attacker.ip("link", "set", "eth0", "address", victims.toString());
        try {
            for (IpFamily family : IpFamily.values()) {
                attempt.victims()
                        .forEach(to -> attempt.forgeFrame(
                                family + " from the victim's MAC",
                                mark -> Crafted.ethernet(
                                        AttackScene.GATEWAY_MAC,
                                        victims,
                                        Crafted.etherType(family),
                                        Attacks.denied(attempt, to, family, mark)),
                                attempt.placeOf(to)));
            }
            othersTalk(attempt);
            attempt.verify();
        } finally {
            attacker.ip(
                    "link",
                    "set",
                    "eth0",
                    "address",
                    attempt.scene().attackerMac().toString());
        }
    }

    /** The friend's, which it also claims aloud. */
    static void otherAddress(Attempt attempt) {
        TestNamespace attacker = attempt.scene().attacker().namespace();
        MacAddress own = attempt.scene().attackerMac();
        IpAddress friends = AttackScene.of(attempt.scene().friend(), IpFamily.IPV4);
        for (IpFamily family : IpFamily.values()) {
            attacker.ip("address", "add", cidr(attempt, family), "dev", "eth0");
        }
        try {
            attempt.forgeFrame(
                    "ARP for the friend's address",
                    mark -> Crafted.ethernet(
                            MacAddress.parse("ff:ff:ff:ff:ff:ff"),
                            own,
                            Crafted.ARP,
                            Crafted.join(Crafted.arp(2, own, friends, own, friends), mark)),
                    attempt.friend,
                    attempt.victim);
            othersTalk(attempt);
            attempt.verify();
        } finally {
            for (IpFamily family : IpFamily.values()) {
                attacker.ip("address", "del", cidr(attempt, family), "dev", "eth0");
            }
        }
    }

    private static String cidr(Attempt attempt, IpFamily family) {
        return AttackScene.of(attempt.scene().friend(), family) + "/" + family.bits();
    }

    private static void othersTalk(Attempt attempt) {
        ClusterPod friend = attempt.scene().friend();
        for (IpFamily family : IpFamily.values()) {
            IpAddress friends = AttackScene.of(friend, family);
            attempt.victims().forEach(pod -> {
                IpAddress its = AttackScene.of(pod, family);
                attempt.others(
                        family + " friend to " + pod.name(),
                        friend,
                        family,
                        mark -> Attempt.datagram(friends, its, AttackScene.DENIED, mark),
                        attempt.placeOf(pod));
                attempt.others(
                        family + " " + pod.name() + " to friend",
                        pod,
                        family,
                        mark -> Attempt.datagram(its, friends, AttackScene.DENIED, mark),
                        attempt.friend);
            });
        }
        attempt.allowed(IpFamily.values());
    }
}
