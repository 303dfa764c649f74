package dev.ikat.ebpf;

import dev.ikat.ebpf.program.Table;
import dev.ikat.ebpf.program.Transaction;
import dev.ikat.ebpf.service.ServiceMap;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * How the eBPF programs enforce policies.
 *
 * @param cut whether open connections are ended when a changed program forbids them
 * @param shortcuts whether packets between pods take the fast path
 * @param tcx whether programs are attached by tcx links if the kernel has them, instead of filters of clsact
 * @param sample one of this many accepted connections is reported; 0 for none
 * @param limits the maximum rows of tables that differ from {@link #usualLimits}, by name, at least 1
 */
public record EbpfSettings(boolean cut, boolean shortcuts, boolean tcx, int sample, Map<String, Integer> limits) {
    /** The table of open connections, which forgets the oldest where it is full. */
    static final String CONNECTIONS = "connections";

    private static final int USUAL_CONNECTIONS = 1 << 18;

    /** The table of what the node's sockets send to services, which forgets the oldest too. */
    private static final String FLOWS = "flows";

    private static final int USUAL_FLOWS = 1 << 16;

    /** The default settings. */
    public static final EbpfSettings USUAL = new EbpfSettings(true, true, true, 0, Map.of());

    public EbpfSettings {
        if (sample < 0) {
            throw new IllegalArgumentException("invalid sample of accepted connections: " + sample);
        }
        limits = Map.copyOf(limits);
        limits.forEach((table, limit) -> {
            if (!usualLimits().containsKey(table) || limit < 1) {
                throw new IllegalArgumentException(
                        table + "=" + limit + " is invalid: it has to be at least 1, for one of the tables "
                                + usualLimits().keySet());
            }
        });
    }

    /** The default maximum number of rows of each table, by name. */
    public static Map<String, Integer> usualLimits() {
        Map<String, Integer> limits = new TreeMap<>();
        Arrays.stream(Table.values()).forEach(table -> limits.put(table.map(), table.most()));
        Arrays.stream(ServiceMap.values()).forEach(map -> limits.put(map.map(), map.most()));
        limits.put(CONNECTIONS, USUAL_CONNECTIONS);
        limits.put(FLOWS, USUAL_FLOWS);
        return limits;
    }

    /**
     * The capacities of the maps that are made for a program, by name.
     *
     * @param first the rows with which they begin
     * @param services whether those for services exist already; else they are as small as can be
     */
    Map<String, Integer> capacities(Transaction first, boolean services) {
        Map<String, Integer> capacities = new HashMap<>();
        for (Table table : Table.values()) {
            capacities.put(table.map(), table.capacity(first.rows(table), limit(table)));
        }
        if (!services) {
            Arrays.stream(ServiceMap.values()).forEach(map -> capacities.put(map.map(), 1));
        }
        capacities.put(CONNECTIONS, limits.getOrDefault(CONNECTIONS, USUAL_CONNECTIONS));
        return capacities;
    }

    /** The most rows of a table. */
    int limit(Table table) {
        return limits.getOrDefault(table.map(), table.most());
    }

    /** The most elements of a map for services. */
    int limit(ServiceMap map) {
        return limits.getOrDefault(map.map(), map.most());
    }

    /** The most flows of the node's sockets. */
    int flowLimit() {
        return limits.getOrDefault(FLOWS, USUAL_FLOWS);
    }
}
