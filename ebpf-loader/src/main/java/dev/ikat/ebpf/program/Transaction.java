package dev.ikat.ebpf.program;

import dev.ikat.ebpf.kernel.MapKey;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The difference between one state of the tables and the next: rows that nothing refers to yet; new versions of roots,
 * which take effect together; and rows that are of no use after that.
 */
public final class Transaction {
    private final Map<Table, Map<MapKey, ByteBuffer>> facts = new EnumMap<>(Table.class);
    private final Map<Table, Map<MapKey, ByteBuffer>> roots = new EnumMap<>(Table.class);
    private final Map<Table, Map<MapKey, ByteBuffer>> before = new EnumMap<>(Table.class);
    private final Map<Table, List<MapKey>> garbage = new EnumMap<>(Table.class);

    void fact(Table table, MapKey key, ByteBuffer value) {
        facts.computeIfAbsent(table, _ -> new LinkedHashMap<>()).put(key, value);
    }

    /** The last one for a key counts. */
    void root(Table table, MapKey key, ByteBuffer now) {
        roots.computeIfAbsent(table, _ -> new LinkedHashMap<>()).put(key, now);
    }

    /** The value that a new root has until the transaction is in force, if it needs one. */
    public void before(Table table, MapKey key, ByteBuffer value) {
        before.computeIfAbsent(table, _ -> new HashMap<>()).put(key, value);
    }

    void garbage(Table table, MapKey key) {
        garbage.computeIfAbsent(table, _ -> new ArrayList<>()).add(key);
    }

    /** How many rows of a table it writes. */
    public int rows(Table table) {
        return facts.getOrDefault(table, Map.of()).size()
                + roots.getOrDefault(table, Map.of()).size();
    }

    Map<Table, Map<MapKey, ByteBuffer>> facts() {
        return facts;
    }

    public Map<Table, Map<MapKey, ByteBuffer>> roots() {
        return roots;
    }

    public Map<MapKey, ByteBuffer> before(Table table) {
        return before.getOrDefault(table, Map.of());
    }

    Map<Table, List<MapKey>> garbage() {
        return garbage;
    }
}
