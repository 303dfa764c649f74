package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.model.IpAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Who has which address, and what is left of the pools in force. An address may be of no pool: one that a service had
 * when its pool could not be read. Not thread-safe.
 */
final class Spaces {
    private final Map<String, PoolSpace> byName = new TreeMap<>();
    private final NavigableMap<IpAddress, Placed> byFirst = new TreeMap<>();
    private final NavigableMap<IpAddress, List<Claimant>> holders = new TreeMap<>();

    private record Placed(AddressBlock block, PoolSpace space) {}

    /** From now on these pools are in force. */
    void become(Collection<AddressPool> pools) {
        Map<String, PoolSpace> before = new TreeMap<>(byName);
        byName.clear();
        byFirst.clear();
        for (AddressPool pool : pools) {
            PoolSpace former = before.get(pool.name());
            PoolSpace space = former != null && former.pool().equals(pool) ? former : replaced(pool, former);
            byName.put(pool.name(), space);
            pool.addresses().forEach(block -> byFirst.put(block.first(), new Placed(block, space)));
        }
    }

    private PoolSpace replaced(AddressPool pool, @Nullable PoolSpace former) {
        PoolSpace space = new PoolSpace(pool);
        for (AddressBlock block : pool.addresses()) {
            holders.subMap(block.first(), true, block.last(), true).keySet().forEach(space::take);
        }
        if (former != null) {
            space.inherit(former);
        }
        return space;
    }

    /** The pool in force that the address is of. */
    Optional<PoolSpace> of(IpAddress address) {
        return Optional.ofNullable(byFirst.floorEntry(address))
                .map(Map.Entry::getValue)
                .filter(placed -> placed.block().contains(address))
                .map(Placed::space);
    }

    Optional<PoolSpace> named(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** All in force, by name. */
    Collection<PoolSpace> all() {
        return byName.values();
    }

    /** Who has the address, in no order. */
    List<Claimant> holders(IpAddress address) {
        return Collections.unmodifiableList(holders.getOrDefault(address, List.of()));
    }

    void take(IpAddress address, Claimant claimant) {
        List<Claimant> all = holders.computeIfAbsent(address, _ -> new ArrayList<>(1));
        if (all.isEmpty()) {
            of(address).ifPresent(space -> space.take(address));
        }
        all.add(claimant);
    }

    void free(IpAddress address, Claimant claimant, Instant now) {
        List<Claimant> all = holders.getOrDefault(address, new ArrayList<>());
        if (all.remove(claimant) && all.isEmpty()) {
            holders.remove(address);
            of(address).ifPresent(space -> space.free(address, now));
        }
    }

    /** What was freed at this time or before has cooled down. */
    void cool(Instant until) {
        byName.values().forEach(space -> space.cool(until));
    }
}
