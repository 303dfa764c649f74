package dev.ikat.ebpf.service;

import dev.ikat.cluster.Protocol;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.model.Cidr;
import dev.ikat.model.IpAddress;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.Target;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The frontends that the programs serve, as rows of the maps. Backends of a new group are written before a frontend
 * refers to it; those of a former one go with the next change, when no packet can be on its way to them any more. A
 * frontend for which there is no room is not served. Not thread-safe.
 */
final class ServiceTables {
    private final ServiceMaps maps;
    private final Map<MapKey, Row> served = new HashMap<>();
    private final Map<Content, Group> groups = new HashMap<>();
    private List<Group> garbage = new ArrayList<>();
    private int last;

    /**
     * What a group has.
     *
     * @param own those of the backends' addresses that are pods of this node
     * @param sticky whether it is for frontends with session affinity
     */
    private record Content(List<Backend> backends, Set<IpAddress> own, boolean sticky) {
        static Content of(List<Backend> backends, Set<Cidr> podCidrs, boolean sticky) {
            return new Content(
                    backends,
                    backends.stream()
                            .map(Backend::address)
                            .filter(address -> podCidrs.stream().anyMatch(cidr -> cidr.contains(address)))
                            .collect(Collectors.toUnmodifiableSet()),
                    sticky);
        }
    }

    private static final class Group {
        private final int id;
        private final Content content;
        private int uses;

        Group(int id, Content content) {
            this.id = id;
            this.content = content;
        }

        List<MapKey> slots() {
            List<MapKey> slots = new ArrayList<>();
            for (int i = 0; i < content.backends().size(); i++) {
                slots.add(Layout.pair(id, i));
            }
            return slots;
        }

        List<MapKey> own() {
            return content.own().stream()
                    .map(address -> Layout.numberAndAddress(id, address))
                    .toList();
        }

        List<MapKey> sticky() {
            return content.sticky()
                    ? content.backends().stream()
                            .map(backend -> Layout.numberAndSocket(id, backend.address(), backend.port()))
                            .toList()
                    : List.of();
        }
    }

    /**
     * A frontend.
     *
     * @param affinity how long clients keep their backends, in seconds; 0 if they don't
     */
    private record Row(Group group, int affinity) {
        ByteBuffer value() {
            return Layout.of(3 * Integer.BYTES)
                    .putInt(group.id)
                    .putInt(group.content.backends().size())
                    .putInt(affinity)
                    .flip();
        }
    }

    /** Goes on with what a former process has left in the maps. */
    ServiceTables(ServiceMaps maps) {
        this.maps = maps;
        Map<Integer, TreeMap<Integer, Backend>> slots = new HashMap<>();
        map(ServiceMap.BACKENDS)
                .forEachContent((key, value) -> slots.computeIfAbsent(key.getInt(), _ -> new TreeMap<>())
                        .put(key.getInt(), new Backend(Layout.address(value), Layout.port(value))));
        Map<Integer, Set<IpAddress>> own = new HashMap<>();
        map(ServiceMap.OWN_BACKENDS)
                .forEachContent((key, _) ->
                        own.computeIfAbsent(key.getInt(), _ -> new HashSet<>()).add(Layout.address(key)));
        Set<Integer> sticky = new HashSet<>();
        map(ServiceMap.STICKY_BACKENDS).forEachContent((key, _) -> sticky.add(key.getInt()));
        Map<Integer, Group> found = new HashMap<>();
        slots.forEach((id, backends) -> {
            last = Math.max(last, id);
            Content content = new Content(
                    List.copyOf(backends.values()), Set.copyOf(own.getOrDefault(id, Set.of())), sticky.contains(id));
            Group group = new Group(id, content);
            found.put(id, group);
            groups.putIfAbsent(content, group);
        });
        map(ServiceMap.FRONTENDS).forEachContent((key, value) -> {
            Group group = found.get(value.getInt());
            if (group != null) {
                group.uses++;
                int affinity = value.getInt(2 * Integer.BYTES);
                served.put(MapKey.copyOf(key), new Row(group, affinity));
            }
        });
        garbage.addAll(found.values().stream().filter(group -> group.uses == 0).toList());
        garbage.forEach(group -> groups.remove(group.content, group));
    }

    private BpfMap map(ServiceMap which) {
        return maps.map(which);
    }

    /** The backends that the programs may choose for a frontend's connections; empty if it is not for them. */
    private static Optional<List<Backend>> backends(FrontendProgram program) {
        boolean plain = program.sources().isEmpty() && program.frontend().protocol() != Protocol.SCTP;
        return plain && program.inside() instanceof Target.Balance(List<Backend> backends)
                ? Optional.of(backends)
                : Optional.empty();
    }

    /** The key of a frontend, {@code struct place}. */
    static MapKey place(Frontend frontend) {
        return Layout.place(frontend.address(), frontend.protocol().number(), frontend.port());
    }

    /**
     * Serves exactly these.
     *
     * @return how many were left out for lack of room
     */
    int replace(Collection<FrontendProgram> programs, Set<Cidr> podCidrs) {
        Set<MapKey> wanted = programs.stream()
                .map(program -> place(program.frontend()))
                .collect(Collectors.toCollection(HashSet::new));
        List<MapKey> gone =
                served.keySet().stream().filter(key -> !wanted.contains(key)).toList();
        return change(programs, gone, podCidrs);
    }

    /**
     * Serves these otherwise than before, and no longer those that are gone.
     *
     * @return how many were left out for lack of room
     */
    int change(Collection<FrontendProgram> changed, Collection<MapKey> gone, Set<Cidr> podCidrs) {
        collect();
        Map<MapKey, Row> now = new LinkedHashMap<>();
        List<MapKey> left = new ArrayList<>(gone);
        int refused = 0;
        Map<MapKey, ByteBuffer> slots = new LinkedHashMap<>();
        Map<MapKey, ByteBuffer> own = new LinkedHashMap<>();
        Map<MapKey, ByteBuffer> sticky = new LinkedHashMap<>();
        int room =
                map(ServiceMap.FRONTENDS).capacity() - map(ServiceMap.FRONTENDS).size();
        for (FrontendProgram program : changed) {
            MapKey place = place(program.frontend());
            Optional<List<Backend>> backends = backends(program);
            if (backends.isEmpty()) {
                left.add(place);
                continue;
            }
            Content content =
                    Content.of(backends.get(), podCidrs, program.affinity().isPresent());
            boolean fits = served.containsKey(place) || room > 0;
            Group group = groups.get(content);
            if (group == null && fits) {
                group = new Group(++last, content);
                if (has(ServiceMap.BACKENDS, slots.size() + group.slots().size())
                        && has(ServiceMap.OWN_BACKENDS, own.size() + group.own().size())
                        && has(
                                ServiceMap.STICKY_BACKENDS,
                                sticky.size() + group.sticky().size())) {
                    groups.put(content, group);
                    write(group, slots, own, sticky);
                } else {
                    fits = false;
                }
            }
            if (group == null || !fits) {
                refused++;
                left.add(place);
                continue;
            }
            if (!served.containsKey(place)) {
                room--;
            }
            now.put(place, new Row(group, seconds(program)));
        }
        map(ServiceMap.BACKENDS).putAll(slots);
        map(ServiceMap.OWN_BACKENDS).putAll(own);
        map(ServiceMap.STICKY_BACKENDS).putAll(sticky);
        serve(now);
        left.removeIf(place -> !served.containsKey(place));
        map(ServiceMap.FRONTENDS).deleteAll(left);
        left.forEach(place -> {
            Row former = served.remove(place);
            if (former != null) {
                release(former.group());
            }
        });
        return refused;
    }

    private static int seconds(FrontendProgram program) {
        return program.affinity().map(time -> (int) time.toSeconds()).orElse(0);
    }

    private boolean has(ServiceMap which, int more) {
        return map(which).capacity() - map(which).size() >= more;
    }

    private static void write(
            Group group, Map<MapKey, ByteBuffer> slots, Map<MapKey, ByteBuffer> own, Map<MapKey, ByteBuffer> sticky) {
        List<MapKey> keys = group.slots();
        for (int i = 0; i < keys.size(); i++) {
            Backend backend = group.content.backends().get(i);
            slots.put(keys.get(i), Layout.socket(backend.address(), backend.port()));
        }
        group.own().forEach(key -> own.put(key, Layout.number(1)));
        group.sticky().forEach(key -> sticky.put(key, Layout.number(1)));
    }

    private void serve(Map<MapKey, Row> now) {
        Map<MapKey, ByteBuffer> rows = new LinkedHashMap<>();
        now.forEach((place, row) -> {
            if (!row.equals(served.get(place))) {
                rows.put(place, row.value());
            }
        });
        map(ServiceMap.FRONTENDS).putAll(rows);
        now.forEach((place, row) -> {
            row.group().uses++;
            Row former = served.put(place, row);
            if (former != null) {
                release(former.group());
            }
        });
    }

    private void release(Group group) {
        if (--group.uses == 0) {
            groups.remove(group.content, group);
            garbage.add(group);
        }
    }

    private void collect() {
        map(ServiceMap.BACKENDS)
                .deleteAll(garbage.stream()
                        .flatMap(group -> group.slots().stream())
                        .toList());
        map(ServiceMap.OWN_BACKENDS)
                .deleteAll(
                        garbage.stream().flatMap(group -> group.own().stream()).toList());
        map(ServiceMap.STICKY_BACKENDS)
                .deleteAll(garbage.stream()
                        .flatMap(group -> group.sticky().stream())
                        .toList());
        garbage = new ArrayList<>();
    }

    /** Whether a frontend has backends now that it will not have in this program. */
    boolean loses(FrontendProgram program) {
        Row row = served.get(place(program.frontend()));
        return row != null
                && !(program.inside() instanceof Target.Balance(List<Backend> backends)
                        && new HashSet<>(backends)
                                .containsAll(row.group().content.backends()));
    }

    /** Whether a frontend's clients keep their backends. */
    boolean isSticky(MapKey place) {
        return Optional.ofNullable(served.get(place))
                .filter(row -> row.affinity() > 0)
                .isPresent();
    }

    /** Serves none any more. */
    void clear() {
        change(List.of(), List.copyOf(served.keySet()), Set.of());
    }

    /** The differences from these, one line for each. */
    List<String> differences(Collection<FrontendProgram> programs, Set<Cidr> podCidrs) {
        List<String> differences = new ArrayList<>();
        Set<MapKey> known = new HashSet<>();
        for (FrontendProgram program : programs) {
            MapKey place = place(program.frontend());
            Row row = served.get(place);
            known.add(place);
            Optional<Content> wanted = backends(program)
                    .map(backends ->
                            Content.of(backends, podCidrs, program.affinity().isPresent()));
            if (row != null && !wanted.equals(Optional.of(row.group().content))) {
                differences.add("the frontend " + program.frontend() + " has other backends");
            } else if (row != null && row.affinity() != seconds(program)) {
                differences.add("the frontend " + program.frontend() + " has another affinity");
            }
        }
        if (!known.containsAll(served.keySet())) {
            differences.add("frontends are served that should not be there");
        }
        return differences;
    }
}
