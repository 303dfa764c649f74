package dev.ikat.ebpf.service;

import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The frontends with session affinity, and what becomes of their clients when these frontends change. The dataplane
 * beneath has clients of its own: where a frontend goes from there to the programs or back, they go with it. A client
 * that can't may get another backend, which is better than none. Not thread-safe, except for {@link #takeOver(Pins)}.
 */
final class StickyFrontends {
    private static final Logger LOG = LoggerFactory.getLogger(StickyFrontends.class);

    private final NetworkNamespace namespace;
    private final Dataplane beneath;
    private final Map<MapKey, StickyFrontend> known = new ConcurrentHashMap<>();
    private volatile Set<Cidr> podCidrs = Set.of();

    StickyFrontends(NetworkNamespace namespace, Dataplane beneath) {
        this.namespace = namespace;
        this.beneath = beneath;
    }

    private static Stream<StickyFrontend> sticky(Collection<FrontendProgram> programs) {
        return programs.stream().flatMap(program -> StickyFrontend.of(program).stream());
    }

    /**
     * This program will be in force. Clients of frontends that the programs did not serve come from the dataplane
     * beneath.
     *
     * @param clients those of another dataplane
     */
    void beforeReplacement(BpfMap map, ServiceTables tables, ServiceProgram program, Collection<StickyClient> clients) {
        known.clear();
        sticky(program.frontends().values()).forEach(frontend -> known.put(frontend.place(), frontend));
        podCidrs = program.podCidrs();
        takeOver(
                map,
                known.values().stream()
                        .filter(frontend -> !tables.isSticky(frontend.place()))
                        .toList());
        adopt(map, clients);
    }

    /** It is in force. */
    void afterReplacement(BpfMap map, ServiceTables tables) {
        StickyClients.forget(map, (place, backend) -> !isKept(tables, place, backend));
    }

    private boolean isKept(ServiceTables tables, MapKey place, Backend backend) {
        return tables.isSticky(place)
                && Optional.ofNullable(known.get(place))
                        .filter(frontend -> frontend.backends().contains(backend))
                        .isPresent();
    }

    /**
     * This change will be in force.
     *
     * @return what those that change were before, for {@link #afterChange}
     */
    Map<MapKey, StickyFrontend> beforeChange(BpfMap map, ServiceTables tables, ServiceChange change) {
        podCidrs = change.podCidrs().orElse(podCidrs);
        Map<MapKey, StickyFrontend> former = new HashMap<>();
        Stream.concat(change.changed().stream().map(FrontendProgram::frontend), change.removed().stream())
                .map(ServiceTables::place)
                .forEach(place ->
                        Optional.ofNullable(known.remove(place)).ifPresent(before -> former.put(place, before)));
        List<StickyFrontend> left = new ArrayList<>();
        sticky(change.changed()).forEach(frontend -> {
            known.put(frontend.place(), frontend);
            // The clients of one that is new are nowhere.
            if (former.containsKey(frontend.place()) && !tables.isSticky(frontend.place())) {
                left.add(frontend);
            }
        });
        takeOver(map, left);
        return former;
    }

    /**
     * It is in force.
     *
     * @param former what {@link #beforeChange} said
     * @param rest takes the clients of frontends that are its alone from now on
     */
    void afterChange(BpfMap map, ServiceTables tables, Map<MapKey, StickyFrontend> former, ServiceBackend rest) {
        Map<MapKey, StickyFrontend> left = new HashMap<>();
        Set<MapKey> fewer = new HashSet<>();
        former.forEach((place, before) -> {
            Optional<StickyFrontend> now = Optional.ofNullable(known.get(place));
            boolean served = tables.isSticky(place);
            if (!served
                    || now.filter(after -> after.backends().containsAll(before.backends()))
                            .isEmpty()) {
                fewer.add(place);
            }
            if (!served) {
                now.ifPresent(frontend -> left.put(place, frontend));
            }
        });
        handOver(map, left, rest);
        if (!fewer.isEmpty()) {
            StickyClients.forget(map, (place, backend) -> fewer.contains(place) && !isKept(tables, place, backend));
        }
    }

    /** Gives the clients to the dataplane beneath. */
    void handOver(BpfMap map, ServiceBackend rest) {
        handOver(map, known, rest);
    }

    private void handOver(BpfMap map, Map<MapKey, StickyFrontend> frontends, ServiceBackend rest) {
        if (frontends.isEmpty()) {
            return;
        }
        try (NodeSource node = new NodeSource(namespace)) {
            rest.adopt(StickyClients.read(map, frontends, node::of));
        } catch (RuntimeException e) {
            lost(e);
        }
    }

    /** Takes the clients of these from the dataplane beneath. */
    private void takeOver(BpfMap map, Collection<StickyFrontend> frontends) {
        if (frontends.isEmpty()) {
            return;
        }
        Map<Frontend, FrontendProgram> programs = new HashMap<>();
        frontends.forEach(frontend -> programs.put(frontend.frontend(), frontend.program()));
        try {
            adopt(map, beneath.stickyClients(new ServiceProgram(programs, podCidrs, Set.of())));
        } catch (RuntimeException e) {
            lost(e);
        }
    }

    /**
     * Takes clients from the dataplane beneath that have come to it since; on any thread.
     *
     * @param pins of the maps
     */
    void takeOver(Pins pins) {
        if (!known.isEmpty()) {
            ServiceMaps.with(pins, ServiceMap.STICKY_CLIENTS, map -> takeOver(map, List.copyOf(known.values())));
        }
    }

    /**
     * Gives clients of another dataplane their backends here too, if they are pods of this node or the node itself:
     * others are not the programs' clients.
     */
    void adopt(BpfMap map, Collection<StickyClient> clients) {
        if (clients.isEmpty()) {
            return;
        }
        try (NodeSource node = new NodeSource(namespace)) {
            for (StickyClient client : clients) {
                StickyFrontend frontend = known.get(ServiceTables.place(client.frontend()));
                if (frontend != null && frontend.backends().contains(client.backend())) {
                    own(client.address(), frontend, node)
                            .ifPresent(address -> StickyClients.adopt(map, address, frontend, client));
                }
            }
        }
    }

    private Optional<IpAddress> own(IpAddress client, StickyFrontend frontend, NodeSource node) {
        return podCidrs.stream().anyMatch(cidr -> cidr.contains(client))
                ? Optional.of(client)
                : node.of(frontend).filter(client::equals).map(_ -> StickyClients.NODE);
    }

    /** The clients of a program's backends in a namespace's maps, whichever process made these. */
    static List<StickyClient> read(NetworkNamespace namespace, ServiceProgram program) {
        Map<MapKey, StickyFrontend> frontends = new HashMap<>();
        sticky(program.frontends().values()).forEach(frontend -> frontends.put(frontend.place(), frontend));
        List<StickyClient> clients = new ArrayList<>();
        ServiceMaps.with(new Pins(namespace), ServiceMap.STICKY_CLIENTS, map -> {
            try (NodeSource node = new NodeSource(namespace)) {
                clients.addAll(StickyClients.read(map, frontends, node::of));
            }
        });
        return clients;
    }

    private static void lost(RuntimeException e) {
        LOG.atWarn().addKeyValue("reason", e.getMessage()).log("sticky-clients-lost-in-ebpf");
    }
}
