package dev.ikat.ebpf;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What leads from one state of the tables to the next: facts, which nothing refers to yet; new versions of roots, which
 * come in force together; and what is of no use after that.
 */
final class Transaction {
    private final Map<Table, Map<ByteBuffer, ByteBuffer>> facts = new EnumMap<>(Table.class);
    private final Map<Table, Map<ByteBuffer, ByteBuffer>> roots = new EnumMap<>(Table.class);
    private final Map<Table, List<ByteBuffer>> garbage = new EnumMap<>(Table.class);

    void fact(Table table, ByteBuffer key, ByteBuffer value) {
        facts.computeIfAbsent(table, _ -> new LinkedHashMap<>()).put(key, value);
    }

    /** The last one for a key counts. */
    void root(Table table, ByteBuffer key, ByteBuffer now) {
        roots.computeIfAbsent(table, _ -> new LinkedHashMap<>()).put(key, now);
    }

    void garbage(Table table, ByteBuffer key) {
        garbage.computeIfAbsent(table, _ -> new ArrayList<>()).add(key);
    }

    Map<Table, Map<ByteBuffer, ByteBuffer>> facts() {
        return facts;
    }

    Map<Table, Map<ByteBuffer, ByteBuffer>> roots() {
        return roots;
    }

    Map<Table, List<ByteBuffer>> garbage() {
        return garbage;
    }
}
