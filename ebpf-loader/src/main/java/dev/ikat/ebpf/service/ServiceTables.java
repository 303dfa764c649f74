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
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The frontends that the programs serve to one side, as rows of the maps. Backends of a new group are written before a
 * frontend refers to it; those of a former one go with the next change, when no packet can be on its way to them any
 * more. A frontend for which there is no room is not served. Not thread-safe.
 */
final class ServiceTables {
    private final ServiceMaps maps;
    private final Side side;
    private final Function<FrontendProgram, Optional<List<Backend>>> choice;
    private final Map<MapKey, Row> served = new HashMap<>();
    private final Map<Content, Group> groups = new HashMap<>();
    private List<Group> garbage = new ArrayList<>();
    private int last;

    /** From where connections come, and the maps that are for them. */
    enum Side {
        /** Pods of this node, and the node itself. */
        INSIDE(ServiceMap.FRONTENDS, ServiceMap.BACKENDS),
        /** Everybody else. */
        OUTSIDE(ServiceMap.OUTER_FRONTENDS, ServiceMap.OUTER_BACKENDS);

        private final ServiceMap frontends;
        private final ServiceMap backends;

        Side(ServiceMap frontends, ServiceMap backends) {
            this.frontends = frontends;
            this.backends = backends;
        }

        private List<Fact> facts() {
            return switch (this) {
                case INSIDE -> List.of(Fact.OWN, Fact.STICKY);
                case OUTSIDE -> List.of(Fact.MAGLEV);
            };
        }

        /** What becomes of connections from this side. */
        Target target(FrontendProgram program) {
            return switch (this) {
                case INSIDE -> program.inside();
                case OUTSIDE -> program.outside();
            };
        }
    }

    /** What else the programs have to know of a group of backends. */
    private enum Fact {
        /** Which of them are pods of this node. */
        OWN(ServiceMap.OWN_BACKENDS),
        /** Which they are, if clients keep theirs. */
        STICKY(ServiceMap.STICKY_BACKENDS),
        /** Which of them has which part of all connections. */
        MAGLEV(ServiceMap.MAGLEV);

        private final ServiceMap map;

        Fact(ServiceMap map) {
            this.map = map;
        }

        private List<MapKey> keys(Group group) {
            return switch (this) {
                case OWN ->
                    group.content.own().stream()
                            .map(address -> Layout.numberAndAddress(group.id, address))
                            .toList();
                case STICKY ->
                    group.content.sticky()
                            ? group.content.backends().stream()
                                    .map(backend -> Layout.numberAndSocket(group.id, backend.address(), backend.port()))
                                    .toList()
                            : List.of();
                case MAGLEV -> group.content.backends().size() > 1 ? List.of(Layout.key(group.id)) : List.of();
            };
        }

        /** What each of them says. */
        private ByteBuffer value(Group group) {
            return switch (this) {
                case OWN, STICKY -> Layout.number(1);
                case MAGLEV -> Layout.shorts(MaglevTable.of(group.content.backends()));
            };
        }
    }

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

    /**
     * Goes on with what a former process has left in the maps.
     *
     * @param choice the backends that the programs may choose for a frontend's connections; empty if it is not for them
     */
    ServiceTables(ServiceMaps maps, Side side, Function<FrontendProgram, Optional<List<Backend>>> choice) {
        this.maps = maps;
        this.side = side;
        this.choice = choice;
        Map<Integer, TreeMap<Integer, Backend>> slots = new HashMap<>();
        map(side.backends)
                .forEachContent((key, value) -> slots.computeIfAbsent(key.getInt(), _ -> new TreeMap<>())
                        .put(key.getInt(), new Backend(Layout.address(value), Layout.port(value))));
        Map<Integer, Set<IpAddress>> own = new HashMap<>();
        Set<Integer> sticky = new HashSet<>();
        if (side == Side.INSIDE) {
            map(ServiceMap.OWN_BACKENDS)
                    .forEachContent((key, _) -> own.computeIfAbsent(key.getInt(), _ -> new HashSet<>())
                            .add(Layout.address(key)));
            map(ServiceMap.STICKY_BACKENDS).forEachContent((key, _) -> sticky.add(key.getInt()));
        }
        Map<Integer, Group> found = new HashMap<>();
        slots.forEach((id, backends) -> {
            last = Math.max(last, id);
            Content content = new Content(
                    List.copyOf(backends.values()), Set.copyOf(own.getOrDefault(id, Set.of())), sticky.contains(id));
            Group group = new Group(id, content);
            found.put(id, group);
            groups.putIfAbsent(content, group);
        });
        map(side.frontends).forEachContent((key, value) -> {
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

    /** Whether the programs can do what a frontend wants beside balancing. */
    static boolean isPlain(FrontendProgram program) {
        return program.sources().isEmpty() && program.frontend().protocol() != Protocol.SCTP;
    }

    private Content content(FrontendProgram program, List<Backend> backends, Set<Cidr> podCidrs) {
        return side == Side.INSIDE
                ? Content.of(backends, podCidrs, program.affinity().isPresent())
                : Content.of(backends, Set.of(), false);
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
        Map<Fact, Map<MapKey, ByteBuffer>> facts = new EnumMap<>(Fact.class);
        side.facts().forEach(fact -> facts.put(fact, new LinkedHashMap<>()));
        int room = map(side.frontends).capacity() - map(side.frontends).size();
        for (FrontendProgram program : changed) {
            MapKey place = place(program.frontend());
            Optional<List<Backend>> backends = choice.apply(program);
            if (backends.isEmpty()) {
                left.add(place);
                continue;
            }
            Content content = content(program, backends.get(), podCidrs);
            boolean fits = served.containsKey(place) || room > 0;
            Group group = groups.get(content);
            if (group == null && fits) {
                group = new Group(++last, content);
                if (hasRoom(group, slots, facts)) {
                    groups.put(content, group);
                    write(group, slots, facts);
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
        map(side.backends).putAll(slots);
        facts.forEach((fact, rows) -> map(fact.map).putAll(rows));
        serve(now);
        left.removeIf(place -> !served.containsKey(place));
        map(side.frontends).deleteAll(left);
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

    private boolean hasRoom(Group group, Map<MapKey, ByteBuffer> slots, Map<Fact, Map<MapKey, ByteBuffer>> facts) {
        return has(side.backends, slots.size() + group.slots().size())
                && facts.entrySet().stream()
                        .allMatch(entry -> has(
                                entry.getKey().map,
                                entry.getValue().size()
                                        + entry.getKey().keys(group).size()));
    }

    private static void write(Group group, Map<MapKey, ByteBuffer> slots, Map<Fact, Map<MapKey, ByteBuffer>> facts) {
        List<MapKey> keys = group.slots();
        for (int i = 0; i < keys.size(); i++) {
            Backend backend = group.content.backends().get(i);
            slots.put(keys.get(i), Layout.socket(backend.address(), backend.port()));
        }
        facts.forEach((fact, rows) -> fact.keys(group).forEach(key -> rows.put(key, fact.value(group))));
    }

    private void serve(Map<MapKey, Row> now) {
        Map<MapKey, ByteBuffer> rows = new LinkedHashMap<>();
        now.forEach((place, row) -> {
            if (!row.equals(served.get(place))) {
                rows.put(place, row.value());
            }
        });
        map(side.frontends).putAll(rows);
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
        map(side.backends)
                .deleteAll(garbage.stream()
                        .flatMap(group -> group.slots().stream())
                        .toList());
        for (Fact fact : side.facts()) {
            map(fact.map)
                    .deleteAll(garbage.stream()
                            .flatMap(group -> fact.keys(group).stream())
                            .toList());
        }
        garbage = new ArrayList<>();
    }

    /** Whether a frontend has backends now that it will not have in this program. */
    boolean loses(FrontendProgram program) {
        Row row = served.get(place(program.frontend()));
        return row != null
                && !new HashSet<>(side.target(program).backends())
                        .containsAll(row.group().content.backends());
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
            Optional<Content> wanted = choice.apply(program).map(backends -> content(program, backends, podCidrs));
            if (row != null && !wanted.equals(Optional.of(row.group().content))) {
                differences.add("the frontend " + program.frontend() + " has other backends "
                        + side.name().toLowerCase(Locale.ROOT));
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
