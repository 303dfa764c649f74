package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The objects of one kind by namespace and name. A large cluster has so many pods that what a map keeps beside them, a
 * key and an entry for each, would be a quarter of it all: this holds nothing but the objects, which know their names
 * (open addressing, linear probing, at most three quarters full). Not thread-safe.
 */
final class ObjectTable {
    private static final int SMALLEST = 16;
    /** Fibonacci hashing: spreads what differs only in the lower bits, as numbered names do. */
    private static final int SPREAD = 0x9e3779b9;

    private @Nullable ClusterObject[] slots = new ClusterObject[SMALLEST];
    private int size;

    int size() {
        return size;
    }

    /** The object of this key, whose kind is the table's; null if there is none. */
    @Nullable
    ClusterObject get(ObjectKey key) {
        return slots[slot(key.namespace(), key.name())];
    }

    /** Adds the object, or puts it in place of the one of its key, which is returned. */
    @Nullable
    ClusterObject put(ClusterObject object) {
        int slot = slot(object.namespace(), object.name());
        ClusterObject before = slots[slot];
        slots[slot] = object;
        if (before == null) {
            size++;
            if (size > slots.length - slots.length / 4) {
                grow();
            }
        }
        return before;
    }

    private void grow() {
        @Nullable ClusterObject[] all = slots;
        slots = new ClusterObject[2 * all.length];
        for (ClusterObject object : all) {
            if (object != null) {
                slots[slot(object.namespace(), object.name())] = object;
            }
        }
    }

    /** Removes the object of this key, and returns it; null if there is none. */
    @Nullable
    ClusterObject remove(ObjectKey key) {
        int gap = slot(key.namespace(), key.name());
        ClusterObject removed = slots[gap];
        if (removed == null) {
            return null;
        }
        size--;
        slots[gap] = null;
        int mask = slots.length - 1;
        int at = (gap + 1) & mask;
        for (ClusterObject next = slots[at]; next != null; next = slots[at]) {
            // A search that begins at its home has to meet no gap before it.
            if (((at - home(next.namespace(), next.name())) & mask) >= ((at - gap) & mask)) {
                slots[gap] = next;
                slots[at] = null;
                gap = at;
            }
            at = (at + 1) & mask;
        }
        return removed;
    }

    /** Where the object of this name is, or else would be. */
    private int slot(String namespace, String name) {
        int slot = home(namespace, name);
        for (ClusterObject there = slots[slot]; there != null; there = slots[slot]) {
            if (there.name().equals(name) && there.namespace().equals(namespace)) {
                return slot;
            }
            slot = (slot + 1) & (slots.length - 1);
        }
        return slot;
    }

    private int home(String namespace, String name) {
        return ((31 * namespace.hashCode() + name.hashCode()) * SPREAD)
                >>> (Integer.SIZE - Integer.numberOfTrailingZeros(slots.length));
    }

    /** Visits each object, in no order. */
    void forEach(Consumer<ClusterObject> visitor) {
        for (ClusterObject object : slots) {
            if (object != null) {
                visitor.accept(object);
            }
        }
    }

    /** What leads from this to what is there afterwards. */
    ClusterChange changeTo(ObjectTable after) {
        List<ClusterObject> added = new ArrayList<>();
        List<ClusterChange.Update> updated = new ArrayList<>();
        List<ClusterObject> removed = new ArrayList<>();
        after.forEach(object -> {
            ClusterObject before = slots[slot(object.namespace(), object.name())];
            if (before == null) {
                added.add(object);
            } else if (!before.equals(object)) {
                updated.add(new ClusterChange.Update(before, object));
            }
        });
        forEach(object -> {
            if (after.slots[after.slot(object.namespace(), object.name())] == null) {
                removed.add(object);
            }
        });
        return new ClusterChange(added, updated, removed);
    }
}
