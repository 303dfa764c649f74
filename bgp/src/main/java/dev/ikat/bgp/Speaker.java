package dev.ikat.bgp;

import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a node speaks: its sessions, and what it announces in each.
 *
 * @param routerId which router it is: 32 bits, written as an IPv4 address
 * @param own the blocks of the node's own pods, to which no route of anybody else leads
 * @param sessions the sessions, by name, each once
 */
public record Speaker(IpAddress routerId, Set<Cidr> own, List<Session> sessions) {
    public Speaker {
        if (routerId.family() != IpFamily.IPV4 || routerId.isUnspecified()) {
            throw new IllegalArgumentException("a router ID is an IPv4 address other than 0.0.0.0, not " + routerId);
        }
        own = Set.copyOf(own);
        sessions = sessions.stream()
                .sorted(Comparator.comparing(session -> session.name().text()))
                .toList();
        for (int i = 1; i < sessions.size(); i++) {
            if (sessions.get(i).name().equals(sessions.get(i - 1).name())) {
                throw new IllegalArgumentException(
                        "two sessions are named " + sessions.get(i).name());
            }
        }
    }

    /** Every prefix of this family that is announced in any session, in order. */
    public SortedSet<Cidr> announced(IpFamily family) {
        SortedSet<Cidr> all = new TreeSet<>();
        for (Session session : sessions) {
            for (Announcement each : session.exports()) {
                if (each.prefix().family() == family) {
                    all.add(each.prefix());
                }
            }
        }
        return all;
    }
}
