package dev.ikat.agent.services;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceProgram;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Has connection tracking forget flows of UDP and SCTP to a service that do not go to any of its backends: such a flow
 * has no end, so a client that goes on sending from the same port would reach a backend that is gone for as long as it
 * sends, or nobody if it began before there was one. Connections of TCP end by themselves. Not thread-safe.
 */
final class StaleFlows implements AutoCloseable {
    private final Conntrack conntrack;

    /** @param conntrack the connections of the node's network namespace; closed with this */
    StaleFlows(Conntrack conntrack) {
        this.conntrack = conntrack;
    }

    /**
     * Forgets the stale flows to these frontends.
     *
     * @param changed what is in force now
     * @param removed frontends that are gone
     * @return how many flows there were
     * @throws dev.ikat.netlink.NetlinkException if the kernel can't be asked or refuses
     */
    int forget(Collection<FrontendProgram> changed, Set<Frontend> removed) {
        Map<Place, Set<Backend>> concerned = places(changed);
        removed.forEach(frontend -> place(frontend).ifPresent(place -> concerned.put(place, Set.of())));
        if (concerned.isEmpty()) {
            return 0;
        }
        Set<IpAddress> addresses =
                concerned.keySet().stream().map(Place::address).collect(Collectors.toSet());
        List<ConntrackEntry> stale = conntrack.entries(addresses).stream()
                .filter(entry -> isStale(entry, concerned))
                .toList();
        return conntrack.delete(stale);
    }

    /**
     * Forgets all stale flows, also those to a service that has gone while nobody looked: they are known by its
     * address.
     *
     * @return how many flows there were
     * @throws dev.ikat.netlink.NetlinkException if the kernel can't be asked or refuses
     */
    int forgetAll(ServiceProgram program) {
        Map<Place, Set<Backend>> concerned = places(program.frontends().values());
        List<ConntrackEntry> stale = Arrays.stream(IpFamily.values())
                .flatMap(family -> conntrack.entries(family).stream())
                .filter(entry -> isStale(entry, concerned) || isOfNoService(entry, concerned, program.serviceCidrs()))
                .toList();
        return conntrack.delete(stale);
    }

    private static Map<Place, Set<Backend>> places(Collection<FrontendProgram> programs) {
        Map<Place, Set<Backend>> places = new HashMap<>();
        for (FrontendProgram program : programs) {
            place(program.frontend()).ifPresent(place -> places.put(place, program.backends()));
        }
        return places;
    }

    /** A frontend as connection tracking knows it. */
    private record Place(IpAddress address, int protocol, int port) {}

    private static Optional<Place> place(Frontend frontend) {
        return frontend.protocol() == Protocol.TCP
                ? Optional.empty()
                : Optional.of(new Place(frontend.address(), frontend.protocol().number(), frontend.port()));
    }

    private static Place place(ConntrackEntry entry) {
        return new Place(
                entry.original().destination(),
                entry.original().protocol(),
                entry.original().destinationPort());
    }

    /** Whether it was sent to an address of a service, is translated, and there is no such service. */
    private static boolean isOfNoService(
            ConntrackEntry entry, Map<Place, Set<Backend>> places, Set<Cidr> serviceCidrs) {
        Place place = place(entry);
        return place.protocol() != Protocol.TCP.number()
                && !entry.receiver().equals(place.address())
                && !places.containsKey(place)
                && serviceCidrs.stream().anyMatch(cidr -> cidr.contains(place.address()));
    }

    private static boolean isStale(ConntrackEntry entry, Map<Place, Set<Backend>> concerned) {
        Set<Backend> backends = concerned.get(place(entry));
        return backends != null
                && (entry.receiverPort() == 0
                        || !backends.contains(new Backend(entry.receiver(), entry.receiverPort())));
    }

    @Override
    public void close() {
        conntrack.close();
    }
}
