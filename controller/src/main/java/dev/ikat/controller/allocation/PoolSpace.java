package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.ipam.IntervalSet;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The addresses of a pool in force: which are in use, and which were until recently. Whoever had an address may still
 * be spoken to at it, so others are given before; when there are no others, the one that was freed first. Not
 * thread-safe.
 */
final class PoolSpace {
    private final AddressPool pool;
    /** In use, or cooling. */
    private final Map<IpFamily, IntervalSet> taken = new EnumMap<>(IpFamily.class);
    /** Since when, the first freed first. */
    private final Map<IpAddress, Instant> cooling = new LinkedHashMap<>();

    private long used;

    PoolSpace(AddressPool pool) {
        this.pool = pool;
        for (IpFamily family : IpFamily.values()) {
            taken.put(family, new IntervalSet());
        }
    }

    AddressPool pool() {
        return pool;
    }

    private IntervalSet taken(IpFamily family) {
        return taken.computeIfAbsent(family, _ -> new IntervalSet());
    }

    boolean has(IpFamily family) {
        return pool.addresses().stream().anyMatch(block -> block.family() == family);
    }

    boolean contains(IpAddress address) {
        return pool.addresses().stream().anyMatch(block -> block.contains(address));
    }

    /** The lowest address that is neither in use nor was recently. */
    Optional<IpAddress> fresh(IpFamily family) {
        for (AddressBlock block : pool.addresses()) {
            if (block.family() == family) {
                Optional<IpAddress> absent = taken(family).firstAbsent(block.first(), block.last());
                if (absent.isPresent()) {
                    return absent;
                }
            }
        }
        return Optional.empty();
    }

    /** The address that was freed first, the lowest of those that were at once, and when. */
    Optional<Map.Entry<IpAddress, Instant>> coolest(IpFamily family) {
        Optional<Map.Entry<IpAddress, Instant>> first = Optional.empty();
        for (Map.Entry<IpAddress, Instant> each : cooling.entrySet()) {
            if (first.isPresent() && each.getValue().isAfter(first.get().getValue())) {
                break;
            }
            if (each.getKey().family() == family
                    && (first.isEmpty() || each.getKey().compareTo(first.get().getKey()) < 0)) {
                first = Optional.of(Map.entry(each.getKey(), each.getValue()));
            }
        }
        return first;
    }

    /** A first service has this address of the pool. */
    void take(IpAddress address) {
        cooling.remove(address);
        taken(address.family()).add(address);
        used++;
    }

    /** The last service that had the address has it no more. */
    void free(IpAddress address, Instant now) {
        cooling.put(address, now);
        used--;
    }

    /** What was freed at this time or before has cooled down. */
    void cool(Instant until) {
        Iterator<Map.Entry<IpAddress, Instant>> oldest = cooling.entrySet().iterator();
        while (oldest.hasNext()) {
            Map.Entry<IpAddress, Instant> each = oldest.next();
            if (each.getValue().isAfter(until)) {
                return;
            }
            oldest.remove();
            taken(each.getKey().family()).remove(each.getKey());
        }
    }

    /** What was freed in the space that this one replaces is cooling in this one. */
    void inherit(PoolSpace former) {
        former.cooling.forEach((address, since) -> {
            if (contains(address)) {
                cooling.put(address, since);
                taken(address.family()).add(address);
            }
        });
    }

    long used() {
        return used;
    }

    /** How many addresses there are; {@link Long#MAX_VALUE} stands for that many and more. */
    long total() {
        long total = 0;
        for (AddressBlock block : pool.addresses()) {
            total = total + block.size() < 0 ? Long.MAX_VALUE : total + block.size();
        }
        return total;
    }
}
