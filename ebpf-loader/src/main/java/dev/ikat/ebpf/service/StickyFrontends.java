package dev.ikat.ebpf.service;

import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
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
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The frontends with session affinity, and what becomes of their clients when these frontends change. The dataplane
 * beneath has clients of its own: where a frontend goes from there to the programs or back, they go with it. A client
 * that can't may get another backend, which is better than none. Not thread-safe.
 */
final class StickyFrontends {
    private static final Logger LOG = LoggerFactory.getLogger(StickyFrontends.class);

    private final NetworkNamespace namespace;
    private final Dataplane beneath;
    private final Map<MapKey, StickyFrontend> known = new HashMap<>();
    private Set<Cidr> podCidrs = Set.of();

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
                program.frontends().values().stream()
                        .filter(frontend -> !tables.isSticky(ServiceTables.place(frontend.frontend())))
                        .toList());
        adopt(map, clients);
    }

    /** It is in force. */
    void afterReplacement(BpfMap map, ServiceTables tables) {
        forget(map, tables, Optional.empty());
    }

    /**
     * This change will be in force.
     *
     * @return the frontends among those that change whose clients the programs have now, for {@link #afterChange}
     */
    Set<MapKey> beforeChange(BpfMap map, ServiceTables tables, ServiceChange change) {
        podCidrs = change.podCidrs().orElse(podCidrs);
        // The clients of one that is new are nowhere.
        List<FrontendProgram> left = change.changed().stream()
                .filter(program -> {
                    MapKey place = ServiceTables.place(program.frontend());
                    return known.containsKey(place) && !tables.isSticky(place);
                })
                .toList();
        Set<MapKey> served = Stream.concat(
                        change.changed().stream().map(FrontendProgram::frontend), change.removed().stream())
                .map(ServiceTables::place)
                .filter(tables::isSticky)
                .collect(Collectors.toCollection(HashSet::new));
        change.changed().forEach(program -> {
            MapKey place = ServiceTables.place(program.frontend());
            StickyFrontend.of(program).ifPresentOrElse(now -> known.put(place, now), () -> known.remove(place));
        });
        change.removed().forEach(frontend -> known.remove(ServiceTables.place(frontend)));
        takeOver(map, left);
        return served;
    }

    /**
     * It is in force.
     *
     * @param served what {@link #beforeChange} said
     * @param rest takes the clients of frontends that are its alone from now on
     */
    void afterChange(BpfMap map, ServiceTables tables, Set<MapKey> served, ServiceBackend rest) {
        if (served.isEmpty()) {
            return;
        }
        Map<MapKey, StickyFrontend> left = new HashMap<>();
        served.stream()
                .filter(place -> !tables.isSticky(place))
                .forEach(place -> Optional.ofNullable(known.get(place)).ifPresent(now -> left.put(place, now)));
        if (!left.isEmpty()) {
            try (NodeSource node = new NodeSource(namespace)) {
                rest.adopt(StickyClients.read(map, left, node::of));
            } catch (RuntimeException e) {
                lost(e);
            }
        }
        forget(map, tables, Optional.of(served));
    }

    /** @param of only clients of these; empty for all */
    private void forget(BpfMap map, ServiceTables tables, Optional<Set<MapKey>> of) {
        StickyClients.forget(map, (place, backend) -> {
            if (of.isPresent() && !of.get().contains(place)) {
                return false;
            }
            StickyFrontend frontend = known.get(place);
            return frontend == null
                    || !tables.isSticky(place)
                    || !frontend.backends().contains(backend);
        });
    }

    /** Takes the clients of these from the dataplane beneath. */
    private void takeOver(BpfMap map, Collection<FrontendProgram> programs) {
        Map<Frontend, FrontendProgram> sticky = programs.stream()
                .filter(program -> known.containsKey(ServiceTables.place(program.frontend())))
                .collect(Collectors.toMap(FrontendProgram::frontend, program -> program));
        if (sticky.isEmpty()) {
            return;
        }
        try {
            adopt(map, beneath.stickyClients(new ServiceProgram(sticky, podCidrs, Set.of())));
        } catch (RuntimeException e) {
            lost(e);
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
