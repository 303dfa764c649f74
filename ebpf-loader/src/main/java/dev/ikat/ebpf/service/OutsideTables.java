package dev.ikat.ebpf.service;

import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.service.ServiceTables.Side;
import dev.ikat.model.Cidr;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.FrontendProgram;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the programs at the uplink know: the frontends that are theirs, and the nodes. Both follow from what surrounds
 * this node, of which nobody tells: {@link #isCurrent} says whether it is still the same. Not thread-safe.
 */
final class OutsideTables {
    private static final Logger LOG = LoggerFactory.getLogger(OutsideTables.class);

    private final ServiceMaps maps;
    private final Outside outside;
    private final ServiceTables tables;
    private Optional<Surroundings> around = Optional.empty();

    /** Goes on with what a former process has left in the maps. */
    OutsideTables(ServiceMaps maps, Outside outside) {
        this.maps = maps;
        this.outside = outside;
        this.tables = new ServiceTables(maps, Side.OUTSIDE, this::backends);
    }

    private Optional<List<Backend>> backends(FrontendProgram program) {
        return ServiceTables.isPlain(program) && program.affinity().isEmpty()
                ? around.flatMap(now -> outside.backends(program, now))
                : Optional.empty();
    }

    /** Whether the surroundings are still those that are in force. */
    boolean isCurrent() {
        return around.equals(outside.surroundings().get());
    }

    /** Why all connections from outside are left to the other dataplane; empty if that is wanted, or not so. */
    Optional<String> hindrance() {
        return around.isEmpty() && !outside.equals(Outside.LEFT)
                ? Optional.of("no Ethernet interface to the other nodes is known")
                : Optional.empty();
    }

    /**
     * Serves exactly these, in the surroundings as they are now.
     *
     * @return how many were left out for lack of room
     */
    int replace(Collection<FrontendProgram> programs) {
        around = outside.surroundings().get();
        Map<MapKey, ByteBuffer> nodes = new HashMap<>();
        around.ifPresent(now -> now.counterparts()
                .forEach((node, own) ->
                        nodes.put(Layout.address(node), Layout.address(own).buffer())));
        BpfMap map = maps.map(ServiceMap.NODES);
        List<MapKey> gone =
                map.keys().stream().filter(key -> !nodes.containsKey(key)).toList();
        map.deleteAll(gone);
        nodes.entrySet().removeIf(row -> map.content(row.getKey()).equals(Optional.of(row.getValue())));
        map.putAll(nodes);
        return tables.replace(programs, Set.of());
    }

    /**
     * Serves these otherwise than before, and no longer those that are gone.
     *
     * @return how many were left out for lack of room
     */
    int change(Collection<FrontendProgram> changed, Collection<MapKey> gone) {
        return tables.change(changed, gone, Set.of());
    }

    /** Whether a frontend has backends now that it will not have in this program. */
    boolean loses(FrontendProgram program) {
        return tables.loses(program);
    }

    /** Serves none any more. */
    void clear() {
        tables.clear();
    }

    /** The differences from these, one line for each. */
    List<String> differences(Collection<FrontendProgram> programs) {
        return tables.differences(programs, Set.of());
    }

    /**
     * Has the programs leave connections from outside that connection tracking translates since before: it is not the
     * programs that have chosen their backends.
     *
     * @param podCidrs the blocks of this node's pods
     */
    void leaveTracked(NetworkNamespace namespace, Collection<FrontendProgram> programs, Set<Cidr> podCidrs) {
        Set<MapKey> places = programs.stream()
                .map(program -> ServiceTables.place(program.frontend()))
                .collect(Collectors.toSet());
        try (Conntrack conntrack = Conntrack.open(namespace)) {
            Translations.leave(
                    maps.map(ServiceMap.TRANSLATIONS),
                    conntrack,
                    entry -> podCidrs.stream()
                                    .noneMatch(pods ->
                                            pods.contains(entry.original().source()))
                            && places.contains(Layout.place(
                                    entry.original().destination(),
                                    entry.original().protocol(),
                                    entry.original().destinationPort())));
        } catch (NetlinkException e) {
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("service-connections-not-known");
        }
    }
}
