package dev.ikat.ebpf;

import dev.ikat.ebpf.program.Table;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * How policies are enforced in eBPF.
 *
 * @param cut whether open connections end that a changed program forbids
 * @param shortcuts whether packets between pods take the short way
 * @param tcx whether programs are attached by tcx links where the kernel has them, and not by filters of clsact
 * @param sample one of so many accepted connections is told of; 0 for none
 * @param limits the most rows of tables that are to have others than {@link #usualLimits}, by their names, from 1 on
 */
public record EbpfSettings(boolean cut, boolean shortcuts, boolean tcx, int sample, Map<String, Integer> limits) {
    /** The table of open connections, which forgets the oldest where it is full. */
    static final String CONNECTIONS = "connections";

    private static final int USUAL_CONNECTIONS = 1 << 18;

    /** The usual ones. */
    public static final EbpfSettings USUAL = new EbpfSettings(true, true, true, 0, Map.of());

    public EbpfSettings {
        if (sample < 0) {
            throw new IllegalArgumentException("one of " + sample + " connections is none");
        }
        limits = Map.copyOf(limits);
        limits.forEach((table, limit) -> {
            if (!usualLimits().containsKey(table) || limit < 1) {
                throw new IllegalArgumentException(table + "=" + limit + " is no number of rows from 1 on of one of "
                        + usualLimits().keySet());
            }
        });
    }

    /** The tables, by their names, and the most rows that each has where nobody says otherwise. */
    public static Map<String, Integer> usualLimits() {
        Map<String, Integer> limits = new TreeMap<>();
        Arrays.stream(Table.values()).forEach(table -> limits.put(table.map(), table.most()));
        limits.put(CONNECTIONS, USUAL_CONNECTIONS);
        return limits;
    }

    /** The most rows of a table. */
    int limit(Table table) {
        return limits.getOrDefault(table.map(), table.most());
    }

    int connections() {
        return limits.getOrDefault(CONNECTIONS, USUAL_CONNECTIONS);
    }
}
