package dev.ikat.agent.services;

import dev.ikat.cluster.Protocol;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.netlink.netfilter.ConntrackEntry;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.Target;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
        Map<Place, Set<Backend>> concerned = new HashMap<>();
        for (FrontendProgram program : changed) {
            place(program.frontend()).ifPresent(place -> concerned.put(place, backends(program)));
        }
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

    /** A frontend as connection tracking knows it. */
    private record Place(IpAddress address, int protocol, int port) {}

    private static Optional<Place> place(Frontend frontend) {
        return frontend.protocol() == Protocol.TCP
                ? Optional.empty()
                : Optional.of(new Place(frontend.address(), frontend.protocol().number(), frontend.port()));
    }

    private static Set<Backend> backends(FrontendProgram program) {
        return Stream.of(program.inside(), program.outside())
                .flatMap(target -> target instanceof Target.Balance(List<Backend> backends)
                        ? backends.stream()
                        : Stream.<Backend>empty())
                .collect(Collectors.toCollection(HashSet::new));
    }

    private static boolean isStale(ConntrackEntry entry, Map<Place, Set<Backend>> concerned) {
        Set<Backend> backends = concerned.get(new Place(
                entry.original().destination(),
                entry.original().protocol(),
                entry.original().destinationPort()));
        return backends != null
                && (entry.receiverPort() == 0
                        || !backends.contains(new Backend(entry.receiver(), entry.receiverPort())));
    }

    @Override
    public void close() {
        conntrack.close();
    }
}
