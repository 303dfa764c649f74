package dev.ikat.ebpf.kernel;

import dev.ikat.netlink.Errno;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/** A map of the kernel, and a record of what was put into it. Several threads may use it; one writes at a time. */
public final class BpfMap {
    /** From so many elements on, they are put together. */
    private static final int MANY = 8;

    /** So many at once: the kernel copies them one by one, and the buffers stay small. */
    private static final int BATCH = 4096;

    private final String name;
    private final int fd;
    private final int keyBytes;
    private final int valueBytes;
    private final int lookupBytes;
    private final int capacity;
    private final Map<MapKey, ByteBuffer> content = new HashMap<>();

    /**
     * @param lookupBytes the size of the result of a lookup: a map per processor returns several values
     * @param capacity the maximum number of elements
     */
    public BpfMap(String name, int fd, int keyBytes, int valueBytes, int lookupBytes, int capacity) {
        this.name = name;
        this.fd = fd;
        this.keyBytes = keyBytes;
        this.valueBytes = valueBytes;
        this.lookupBytes = lookupBytes;
        this.capacity = capacity;
    }

    public int fd() {
        return fd;
    }

    int keyBytes() {
        return keyBytes;
    }

    int lookupBytes() {
        return lookupBytes;
    }

    String name() {
        return name;
    }

    public int capacity() {
        return capacity;
    }

    /** The value that was put there for a key. */
    public synchronized Optional<ByteBuffer> content(MapKey key) {
        return Optional.ofNullable(content.get(key));
    }

    /** The keys that were put there. */
    public synchronized List<MapKey> keys() {
        return List.copyOf(content.keySet());
    }

    public synchronized int size() {
        return content.size();
    }

    /** Takes what is in the map as what was put there. */
    public synchronized void readContent() {
        content.clear();
        Bpf.forEach(
                this, (key, value) -> content.put(MapKey.of(key.asByteBuffer()), Layout.copy(value.asByteBuffer())));
    }

    /** Calls the visitor with each element that was put there, in the machine's byte order. */
    public synchronized void forEachContent(BiConsumer<ByteBuffer, ByteBuffer> visitor) {
        content.forEach((key, value) -> visitor.accept(key.buffer(), Layout.copy(value)));
    }

    /**
     * Puts an element into the map.
     *
     * @throws BpfException with E2BIG if it is full
     */
    public synchronized void put(MapKey key, ByteBuffer value) {
        requireSizes(key, value);
        whereThereIsRoom(() -> Bpf.update(this, key.buffer(), value));
        content.put(key, value);
    }

    private void whereThereIsRoom(Runnable update) {
        try {
            update.run();
        } catch (BpfException e) {
            // Tries answer otherwise than hashes.
            if (e.errno() == Errno.E2BIG || e.errno() == Errno.ENOSPC) {
                throw new BpfException(
                        "the eBPF map " + name + " is full: it has " + capacity + " elements", e.errno());
            }
            throw e;
        }
    }

    private void requireSizes(MapKey key, ByteBuffer value) {
        if (key.length() != keyBytes || value.remaining() != valueBytes) {
            throw new IllegalArgumentException("the map " + name + " has keys of " + keyBytes + " and values of "
                    + valueBytes + " bytes, not " + key.length() + " and " + value.remaining());
        }
    }

    /** If it fails, for example because the map is full, some of the elements may already be in the map. */
    public synchronized void putAll(Map<MapKey, ByteBuffer> rows) {
        if (rows.size() < MANY) {
            rows.forEach(this::put);
            return;
        }
        ByteBuffer keys = Layout.of(Math.min(rows.size(), BATCH) * keyBytes);
        ByteBuffer values = Layout.of(Math.min(rows.size(), BATCH) * valueBytes);
        int count = 0;
        for (Map.Entry<MapKey, ByteBuffer> row : rows.entrySet()) {
            requireSizes(row.getKey(), row.getValue());
            row.getKey().putInto(keys);
            values.put(row.getValue().duplicate());
            count++;
            if (!keys.hasRemaining()) {
                int some = count;
                whereThereIsRoom(() -> Bpf.updateAll(this, keys.flip(), values.flip(), some));
                keys.clear();
                values.clear();
                count = 0;
            }
        }
        if (count > 0) {
            int some = count;
            whereThereIsRoom(() -> Bpf.updateAll(this, keys.flip(), values.flip(), some));
        }
        content.putAll(rows);
    }

    /** Deletes those of these elements that exist. */
    public synchronized void deleteAll(List<MapKey> gone) {
        List<MapKey> present =
                gone.stream().filter(key -> content.remove(key) != null).toList();
        for (int from = 0; from < present.size(); from += BATCH) {
            List<MapKey> some = present.subList(from, Math.min(present.size(), from + BATCH));
            if (some.size() < MANY) {
                some.forEach(key -> Bpf.delete(this, key.buffer()));
                continue;
            }
            ByteBuffer keys = Layout.of(some.size() * keyBytes);
            some.forEach(key -> key.putInto(keys));
            try {
                Bpf.deleteAll(this, keys.flip(), some.size());
            } catch (BpfException e) {
                // One was gone already; how many were deleted before it is not said.
                some.forEach(key -> Bpf.delete(this, key.buffer()));
            }
        }
    }

    /** The differences between the kernel's elements and those that were put there, one line for each. */
    public synchronized List<String> differences() {
        List<String> differences = new ArrayList<>();
        int found = 0;
        Optional<ByteBuffer> key = Bpf.nextKey(this, Optional.empty());
        while (key.isPresent()) {
            ByteBuffer wanted = content.get(MapKey.of(key.get()));
            if (wanted == null) {
                differences.add("the map " + name + " has an element that is not Ikat's");
            } else {
                found++;
                if (!Bpf.lookup(this, key.get()).filter(wanted::equals).isPresent()) {
                    differences.add("an element of the map " + name + " has changed");
                }
            }
            key = Bpf.nextKey(this, key);
        }
        if (found < content.size()) {
            differences.add((content.size() - found) + " elements of the map " + name + " are gone");
        }
        return differences;
    }

    @Override
    public String toString() {
        return name;
    }
}
