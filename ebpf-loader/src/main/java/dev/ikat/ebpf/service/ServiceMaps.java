package dev.ikat.ebpf.service;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Pins;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/** The maps for services of one network namespace, which have names there as long as services are translated. */
public final class ServiceMaps implements AutoCloseable {
    /** Of their names. */
    public static final String PREFIX = "services-";

    /** Of the layouts: a successor with others begins anew. */
    private static final String SUFFIX = "-2";

    private final Pins pins;
    private final Map<ServiceMap, BpfMap> maps = new EnumMap<>(ServiceMap.class);

    private boolean closed;

    private ServiceMaps(Pins pins) {
        this.pins = pins;
    }

    private static String pin(ServiceMap map) {
        return PREFIX + map.map() + SUFFIX;
    }

    /** Whether services are translated in a namespace: all maps have their names. */
    public static boolean arePresent(Pins pins) {
        for (ServiceMap map : ServiceMap.values()) {
            if (!pins.has(pin(map))) {
                return false;
            }
        }
        return true;
    }

    /** Whether the programs use a namespace's maps: by a descriptor of their map of frontends. */
    public static boolean areUsed(Pins pins, int frontends) {
        AtomicBoolean same = new AtomicBoolean();
        with(pins, ServiceMap.FRONTENDS, map -> same.set(Bpf.mapId(map.fd()) == Bpf.mapId(frontends)));
        return same.get() && arePresent(pins);
    }

    /**
     * Opens the maps of a former process, or creates them.
     *
     * @param capacities the most elements of each
     * @throws BpfException if the kernel refuses
     */
    static ServiceMaps open(Pins pins, ToIntFunction<ServiceMap> capacities) {
        if (!arePresent(pins)) {
            // Of another layout, or not complete.
            remove(pins);
        }
        pins.create();
        ServiceMaps opened = new ServiceMaps(pins);
        try {
            for (ServiceMap map : ServiceMap.values()) {
                int fd = Bpf.pinned(pins.path(pin(map)))
                        .orElseGet(() -> Bpf.createMap(
                                map.map(),
                                map.type(),
                                map.keyBytes(),
                                map.valueBytes(),
                                capacities.applyAsInt(map),
                                map.flags()));
                BpfMap open = describe(map, fd);
                opened.maps.put(map, open);
                if (map.isGiven()) {
                    open.readContent();
                }
            }
            opened.name();
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
        return opened;
    }

    private static BpfMap describe(ServiceMap map, int fd) {
        return new BpfMap(map.map(), fd, map.keyBytes(), map.valueBytes(), map.valueBytes(), Bpf.capacity(fd));
    }

    /** Gives those their names that have lost them. */
    void name() {
        maps.forEach((map, open) -> {
            if (!pins.has(pin(map))) {
                Bpf.pin(open.fd(), pins.path(pin(map)));
            }
        });
    }

    BpfMap map(ServiceMap which) {
        BpfMap map = maps.get(which);
        if (map == null || closed) {
            throw new IllegalStateException("the map " + which.map() + " is closed");
        }
        return map;
    }

    /**
     * The descriptors of the maps in a namespace by their names in the eBPF object, for the caller to close; empty if
     * services are not translated there.
     */
    public static Map<String, Integer> descriptors(Pins pins) {
        Map<String, Integer> found = new HashMap<>();
        for (ServiceMap map : ServiceMap.values()) {
            Bpf.pinned(pins.path(pin(map))).ifPresent(fd -> found.put(map.map(), fd));
        }
        if (found.size() < ServiceMap.values().length) {
            found.values().forEach(Bpf::close);
            return Map.of();
        }
        return found;
    }

    /** Runs the task with one of a namespace's maps, if it exists. */
    static void with(Pins pins, ServiceMap which, Consumer<BpfMap> task) {
        Bpf.pinned(pins.path(pin(which))).ifPresent(fd -> {
            try {
                task.accept(describe(which, fd));
            } finally {
                Bpf.close(fd);
            }
        });
    }

    /** Takes the names away; what programs still use remains until these go. */
    static void remove(Pins pins) {
        pins.names(PREFIX).forEach(pins::remove);
        pins.removeDirectoryIfEmpty();
    }

    /** The differences from what was put there, one line for each. */
    List<String> differences() {
        List<String> differences = new ArrayList<>();
        maps.forEach((map, open) -> {
            if (!pins.has(pin(map))) {
                differences.add("the name " + pins.path(pin(map)) + " is gone");
            }
            if (map.isGiven()) {
                differences.addAll(open.differences());
            }
        });
        return differences;
    }

    /** How full those are that the kernel does not empty by itself, 0 to 1, by name. */
    Map<String, Double> fill() {
        Map<String, Double> fill = new HashMap<>();
        maps.forEach((map, open) -> {
            if (map.isGiven()) {
                fill.put(map.map(), (double) open.size() / open.capacity());
            }
        });
        return fill;
    }

    /** Releases them; those with names stay. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            maps.values().forEach(map -> Bpf.close(map.fd()));
        }
    }
}
