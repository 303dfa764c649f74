package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressBlock;
import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ObjectCondition;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which pools are in force. No two of them overlap: a pool that would overlap another one is refused, and what was in
 * force of it before stays. Of two that come at once, the one that was in force when the controller ran before goes
 * first, as its status says, and then the older one. Not thread-safe.
 */
final class PoolBook {
    private static final Comparator<AddressPool> PRECEDENCE = Comparator.comparing(
                    (AddressPool pool) -> !wasAccepted(pool))
            .thenComparing(pool -> pool.created().orElse(Instant.MAX))
            .thenComparing(AddressPool::name);

    private final Map<String, AddressPool> present = new TreeMap<>();
    private final Map<String, AddressPool> inForce = new TreeMap<>();
    private final Map<String, String> overlaps = new TreeMap<>();
    private Set<String> unreadable = Set.of();
    private boolean doubtful;

    private static boolean wasAccepted(AddressPool pool) {
        return pool.reported()
                .condition()
                .filter(ObjectCondition::holds)
                .filter(condition ->
                        condition.observedGeneration() == pool.reported().generation())
                .isPresent();
    }

    void put(AddressPool pool) {
        present.put(pool.name(), pool);
    }

    void remove(String name) {
        present.remove(name);
    }

    /** The pools of these names can't be read as they are now. Returns whether that is news. */
    boolean unreadable(Set<String> names) {
        boolean changed = !unreadable.equals(names);
        unreadable = Set.copyOf(names);
        return changed;
    }

    /** Puts in force what is present and overlaps nothing; returns whether anything is otherwise than before. */
    boolean settle() {
        boolean changed = inForce.keySet().retainAll(present.keySet());
        List<AddressPool> pending = new ArrayList<>();
        for (AddressPool pool : present.values()) {
            AddressPool former = inForce.get(pool.name());
            if (former == null || !pool.saysTheSameAs(former)) {
                pending.add(pool);
            }
        }
        pending.sort(PRECEDENCE);
        // One may make room for another.
        while (pending.removeIf(this::accept)) {
            changed = true;
        }
        overlaps.clear();
        pending.forEach(pool -> overlaps.put(pool.name(), overlap(pool).orElse("")));
        Set<String> unknown = new HashSet<>(unreadable);
        unknown.addAll(overlaps.keySet());
        unknown.removeAll(inForce.keySet());
        boolean doubted = doubtful;
        doubtful = !unknown.isEmpty();
        return changed || doubted != doubtful;
    }

    private boolean accept(AddressPool pool) {
        if (overlap(pool).isPresent()) {
            return false;
        }
        inForce.put(pool.name(), pool);
        return true;
    }

    private Optional<String> overlap(AddressPool pool) {
        for (AddressPool other : inForce.values()) {
            if (other.name().equals(pool.name())) {
                continue;
            }
            for (int i = 0; i < pool.addresses().size(); i++) {
                AddressBlock mine = pool.addresses().get(i);
                for (AddressBlock block : other.addresses()) {
                    if (mine.overlaps(block)) {
                        return Optional.of("spec.addresses[" + i + "]: " + mine + " overlaps " + block
                                + " of AddressPool " + other.name() + "; take it out of one of them");
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** Whether it is not known of all addresses which pool they are of. */
    boolean isDoubtful() {
        return doubtful;
    }

    /** The pools in force, by name. */
    Collection<AddressPool> inForce() {
        return inForce.values();
    }

    /** All that there are, by name. */
    Collection<AddressPool> present() {
        return present.values();
    }

    /** With which pool this one overlaps, so that it is not in force as it is now. */
    Optional<String> overlap(String name) {
        return Optional.ofNullable(overlaps.get(name));
    }
}
