package dev.ikat.ebpf;

import dev.ikat.model.IpAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The programs, loaded, and the tables that they decide by. A transaction's rows are written, then the number that
 * brings them in force. What it leaves over is deleted by the next one: a packet that began with the former number
 * takes microseconds.
 */
final class Generation implements AutoCloseable {
    private static final String SETTINGS = "settings";
    private static final int SETTINGS_BYTES = 16;
    private static final ByteBuffer FIRST = Layout.number(0);

    private final BpfObject object;
    private final Map<Table, Map<ByteBuffer, ByteBuffer>> roots = new EnumMap<>(Table.class);
    private Map<Table, List<ByteBuffer>> garbage = Map.of();
    private int epoch;
    private int flags;
    private int sample;

    Generation(BpfObject object, int epoch, int flags, int sample) {
        this.object = object;
        this.epoch = epoch;
        this.flags = flags;
        this.sample = sample;
    }

    BpfObject object() {
        return object;
    }

    /**
     * Brings a transaction in force.
     *
     * @throws BpfException if a map is full; then what was, is still in force, and no other may follow
     */
    void commit(Transaction transaction) {
        collect();
        transaction.facts().forEach((table, rows) -> map(table).putAll(rows));
        int next = epoch + 1;
        transaction.roots().forEach((table, rows) -> {
            Map<ByteBuffer, ByteBuffer> present = roots.computeIfAbsent(table, _ -> new HashMap<>());
            Map<ByteBuffer, ByteBuffer> changed = new HashMap<>();
            rows.forEach((key, now) -> {
                ByteBuffer nothing = Layout.of(now.remaining());
                ByteBuffer before = present.getOrDefault(key, nothing);
                if (!now.equals(before) || (isPiece(table) && !present.containsKey(key))) {
                    changed.put(key, Layout.versions(next, now, before));
                }
            });
            map(table).putAll(changed);
        });
        write(next);
        epoch = next;
        garbage = new EnumMap<>(transaction.garbage());
        transaction.roots().forEach((table, rows) -> {
            Map<ByteBuffer, ByteBuffer> present = roots.computeIfAbsent(table, _ -> new HashMap<>());
            rows.forEach((key, now) -> {
                present.put(key, now);
                if (!isPiece(table) && now.equals(Layout.of(now.remaining()))) {
                    garbage.computeIfAbsent(table, _ -> new ArrayList<>()).add(key);
                }
            });
        });
    }

    /** A piece of a block may be in nothing, and has to say so. */
    private static boolean isPiece(Table table) {
        return table == Table.BLOCKS4 || table == Table.BLOCKS6;
    }

    private void collect() {
        garbage.forEach((table, keys) -> {
            map(table).deleteAll(keys);
            if (table.isRoot()) {
                keys.forEach(roots.getOrDefault(table, Map.of())::remove);
            }
        });
        garbage = Map.of();
    }

    private BpfMap map(Table table) {
        return object.map(table.map());
    }

    private void write(int number) {
        object.map(SETTINGS)
                .put(
                        FIRST,
                        Layout.of(SETTINGS_BYTES)
                                .putInt(number)
                                .putInt(flags)
                                .putInt(sample)
                                .putInt(0)
                                .flip());
    }

    /** Other flags, {@code SETTING_} in maps.h. */
    void setFlags(int now) {
        flags = now;
        write(epoch);
    }

    int epoch() {
        return epoch;
    }

    int flags() {
        return flags;
    }

    /** What the kernel's maps have otherwise than they should, a line a difference. */
    List<String> differences() {
        List<String> differences = new ArrayList<>(object.map(SETTINGS).differences());
        for (Table table : Table.values()) {
            differences.addAll(map(table).differences());
        }
        return differences;
    }

    /** For tests: what somebody else may do to the table of members. */
    void damage(boolean foreign) {
        BpfMap members = map(Table.MEMBERS);
        ByteBuffer key = foreign
                ? Layout.address(IpAddress.parse("192.0.2.1"))
                : Bpf.nextKey(members, Optional.empty()).orElseThrow();
        ByteBuffer any = Layout.versions(0, Layout.number(7), Layout.number(7));
        Bpf.update(members, key, any);
    }

    /** The fill of the tables, 0 to 1, by the name of the map. */
    Map<String, Double> fill() {
        Map<String, Double> fill = new HashMap<>();
        for (Table table : Table.values()) {
            BpfMap map = map(table);
            fill.put(table.map(), (double) map.size() / map.capacity());
        }
        return fill;
    }

    /** A counter, of all processors together. */
    long counter(int number) {
        Optional<ByteBuffer> values = Bpf.lookup(object.map("counters"), Layout.number(number));
        long sum = 0;
        if (values.isPresent()) {
            ByteBuffer each = values.get();
            while (each.remaining() >= Long.BYTES) {
                sum += each.getLong();
            }
        }
        return sum;
    }

    @Override
    public void close() {
        object.close();
    }
}
