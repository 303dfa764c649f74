package dev.ikat.ebpf.program;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.BpfObject;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.model.IpAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The loaded programs and the tables by which they decide. A transaction writes its rows first, then the number that
 * puts them in force. The next transaction deletes the rows that are no longer needed: a packet that began with the
 * former number takes microseconds.
 */
public final class Generation implements AutoCloseable {
    private static final String SETTINGS = "settings";
    private static final int SETTINGS_BYTES = 16;
    private static final MapKey FIRST = Layout.key(0);

    private final BpfObject object;
    private Map<Table, List<MapKey>> garbage = Map.of();
    private int epoch;
    private int flags;
    private int sample;

    public Generation(BpfObject object, int epoch, int flags, int sample) {
        this.object = object;
        this.epoch = epoch;
        this.flags = flags;
        this.sample = sample;
    }

    public BpfObject object() {
        return object;
    }

    /**
     * Puts a transaction in force.
     *
     * @throws TableFullException if a map has no room for its rows; then nothing has changed, but no other may follow
     * @throws BpfException if the kernel refuses; then the former state is still in force, and no other may follow
     */
    public void commit(Transaction transaction) {
        collect();
        int next = epoch + 1;
        Map<Table, Map<MapKey, ByteBuffer>> roots = new EnumMap<>(Table.class);
        transaction
                .roots()
                .forEach((table, rows) -> roots.put(table, versions(table, rows, transaction.before(table), next)));
        transaction.facts().forEach((table, rows) -> requireRoom(table, rows.keySet()));
        roots.forEach((table, rows) -> requireRoom(table, rows.keySet()));
        transaction.facts().forEach((table, rows) -> map(table).putAll(rows));
        roots.forEach((table, rows) -> map(table).putAll(rows));
        write(next);
        epoch = next;
        garbage = new EnumMap<>(transaction.garbage());
        transaction.roots().forEach((table, rows) -> {
            if (!isPiece(table)) {
                rows.forEach((key, now) -> {
                    if (isNothing(now)) {
                        garbage.computeIfAbsent(table, _ -> new ArrayList<>()).add(key);
                    }
                });
            }
        });
    }

    /** Rows of roots with what they said before, without those that say the same again. */
    private Map<MapKey, ByteBuffer> versions(
            Table table, Map<MapKey, ByteBuffer> rows, Map<MapKey, ByteBuffer> before, int next) {
        BpfMap map = map(table);
        Map<MapKey, ByteBuffer> changed = LinkedHashMap.newLinkedHashMap(rows.size());
        // All members of a class become the same row.
        IdentityHashMap<ByteBuffer, ByteBuffer> added = new IdentityHashMap<>();
        rows.forEach((key, now) -> {
            Optional<ByteBuffer> present = map.content(key).map(Layout::now);
            if (present.isEmpty() && before.containsKey(key)) {
                changed.put(key, Layout.versions(next, now, before.get(key)));
            } else if (present.isEmpty()) {
                if (isPiece(table) || !isNothing(now)) {
                    changed.put(
                            key,
                            added.computeIfAbsent(now, _ -> Layout.versions(next, now, Layout.of(now.remaining()))));
                }
            } else if (!now.equals(present.get())) {
                changed.put(key, Layout.versions(next, now, present.get()));
            }
        });
        return changed;
    }

    private static boolean isNothing(ByteBuffer value) {
        for (int i = value.position(); i < value.limit(); i++) {
            if (value.get(i) != 0) {
                return false;
            }
        }
        return true;
    }

    private void requireRoom(Table table, Set<MapKey> keys) {
        BpfMap map = map(table);
        if (keys.size() > map.capacity() - map.size()) {
            long more = keys.stream().filter(key -> map.content(key).isEmpty()).count();
            if (more > map.capacity() - map.size()) {
                throw new TableFullException(table, map.capacity());
            }
        }
    }

    /** A piece of a block may be in nothing, and has to say so. */
    private static boolean isPiece(Table table) {
        return table == Table.BLOCKS4 || table == Table.BLOCKS6;
    }

    private void collect() {
        garbage.forEach((table, keys) -> map(table).deleteAll(keys));
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

    /** Sets the flags, {@code SETTING_} in maps.h. */
    public void setFlags(int now) {
        flags = now;
        write(epoch);
    }

    public int epoch() {
        return epoch;
    }

    public int flags() {
        return flags;
    }

    /** The differences between the kernel's maps and what they should contain, one line for each. */
    public List<String> differences() {
        List<String> differences = new ArrayList<>(object.map(SETTINGS).differences());
        for (Table table : Table.values()) {
            differences.addAll(map(table).differences());
        }
        return differences;
    }

    /** For tests: changes the table of members as another program could. */
    public void damage(boolean foreign) {
        BpfMap members = map(Table.MEMBERS);
        ByteBuffer key = foreign
                ? Layout.address(IpAddress.parse("192.0.2.1")).buffer()
                : Bpf.nextKey(members, Optional.empty()).orElseThrow();
        ByteBuffer any = Layout.versions(0, Layout.number(7), Layout.number(7));
        Bpf.update(members, key, any);
    }

    /** How full the tables are, 0 to 1, by the name of the map. */
    public Map<String, Double> fill() {
        Map<String, Double> fill = new HashMap<>();
        for (Table table : Table.values()) {
            BpfMap map = map(table);
            fill.put(table.map(), (double) map.size() / map.capacity());
        }
        return fill;
    }

    /** A counter, summed over all processors. */
    public long counter(int number) {
        Optional<ByteBuffer> values =
                Bpf.lookup(object.map("counters"), Layout.key(number).buffer());
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
