package dev.ikat.agent.attack;

import static dev.ikat.agent.attack.AttackScene.DENIED;
import static dev.ikat.agent.attack.Attempt.datagram;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.testbed.cluster.ClusterPod;
import dev.ikat.testbed.traffic.Crafted;
import java.util.LinkedHashMap;
import java.util.Map;

/** ICMP messages about a packet that somebody else has sent. */
@FunctionalInterface
interface ErrorMessages {
    /** Where the packets that they are about were sent to, and from. */
    int PORT = 7000;

    /** The message, with a mark at its end. */
    byte[] from(IpAddress sender, IpAddress receiver, byte[] mark);

    /** The friend sends the victim something and is answered, so that there is a connection to speak of. */
    static void conversation(Attempt attempt, ClusterPod victim, IpFamily family) {
        IpAddress friend = AttackScene.of(attempt.scene().friend(), family);
        IpAddress its = AttackScene.of(victim, family);
        attempt.others(
                family + " the friend asks",
                attempt.scene().friend(),
                family,
                mark -> Crafted.ip(friend, its, Crafted.UDP, Crafted.udp(DENIED, PORT, mark)),
                attempt.placeOf(victim));
        attempt.others(
                family + " the victim answers",
                victim,
                family,
                mark -> datagram(its, friend, DENIED, mark),
                attempt.friend);
    }

    /** What there is to say to the sender of a datagram from its port {@link #PORT}. */
    static Map<String, ErrorMessages> about(IpFamily family, IpAddress sender, IpAddress receiver) {
        Map<String, ErrorMessages> errors = new LinkedHashMap<>();
        // Unreachable, too big, time exceeded, redirect.
        int[][] kinds = family == IpFamily.IPV4
                ? new int[][] {{3, 3}, {3, 4}, {11, 0}, {5, 1}}
                : new int[][] {{1, 4}, {2, 0}, {3, 0}};
        for (int[] kind : kinds) {
            errors.put(family + " ICMP " + kind[0] + "/" + kind[1], (from, to, mark) -> {
                byte[] quoted = datagram(sender, receiver, receiver.equals(from) ? PORT : DENIED, mark);
                return Crafted.ip(
                        from,
                        to,
                        Crafted.icmp(family),
                        Crafted.icmpMessage(kind[0], kind[1], new byte[] {0, 0, 5, 0x14}, quoted));
            });
        }
        return errors;
    }
}
