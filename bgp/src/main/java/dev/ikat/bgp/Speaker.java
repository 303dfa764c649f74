package dev.ikat.bgp;

import dev.ikat.bgp.RouteGroup.Reasons;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a node speaks: its sessions, and what it announces in them.
 *
 * @param routerId which router it is: 32 bits, written as an IPv4 address
 * @param own the blocks of the node's own pods, to which no route of anybody else leads
 * @param routes what is announced, by reasons; some of it perhaps in no session
 * @param sessions the sessions, by name, each once
 */
public record Speaker(IpAddress routerId, Set<Cidr> own, List<RouteGroup> routes, List<Session> sessions) {
    public Speaker {
        if (routerId.family() != IpFamily.IPV4 || routerId.isUnspecified()) {
            throw new IllegalArgumentException("a router ID is an IPv4 address other than 0.0.0.0, not " + routerId);
        }
        own = Set.copyOf(own);
        routes = List.copyOf(routes);
        Set<String> ids = new HashSet<>();
        for (RouteGroup group : routes) {
            if (!ids.add(group.reasons().id())) {
                throw new IllegalArgumentException("two groups of routes have the identifier of " + group.reasons());
            }
        }
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

    /** The same sessions with other routes that are announced for the same reasons. */
    public Speaker with(List<RouteGroup> others) {
        return new Speaker(routerId, own, others, sessions);
    }

    /** The routes with prefixes of this family that are announced in any session. */
    public List<RouteGroup> announced(IpFamily family) {
        Set<Reasons> exported = new HashSet<>();
        for (Session session : sessions) {
            if (session.families().contains(family)) {
                session.exports().forEach(export -> exported.add(export.routes()));
            }
        }
        return routes.stream()
                .filter(group -> exported.contains(group.reasons()))
                .map(group -> new RouteGroup(group.reasons(), group.prefixes(family)))
                .filter(group -> !group.prefixes().isEmpty())
                .toList();
    }
}
