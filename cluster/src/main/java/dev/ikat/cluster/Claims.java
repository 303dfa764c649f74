package dev.ikat.cluster;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Things that several may claim, as services may share an address: one is there from its first claim until its last one
 * is released. Not thread-safe.
 */
public final class Claims<T> {
    private final Map<T, Integer> counts = new HashMap<>();

    /** Knows no claims yet. */
    public Claims() {}

    /**
     * What a change has made different.
     *
     * @param come what is there now, and was not before
     * @param gone what is there no longer
     */
    public record Difference<T>(Set<T> come, Set<T> gone) {
        public Difference {
            come = Set.copyOf(come);
            gone = Set.copyOf(gone);
        }

        /** Whether nothing is different. */
        public boolean isEmpty() {
            return come.isEmpty() && gone.isEmpty();
        }
    }

    /**
     * Releases some claims and makes others. What is in both collections goes from one who claims it to another.
     *
     * @throws IllegalStateException if nobody has claimed what is released
     */
    public Difference<T> change(Collection<T> released, Collection<T> claimed) {
        Set<T> before = new HashSet<>();
        Set<T> touched = new HashSet<>(released);
        touched.addAll(claimed);
        touched.stream().filter(counts::containsKey).forEach(before::add);
        claimed.forEach(one -> counts.merge(one, 1, Integer::sum));
        released.forEach(this::release);
        Set<T> come = new HashSet<>();
        Set<T> gone = new HashSet<>();
        for (T one : touched) {
            boolean there = counts.containsKey(one);
            if (there && !before.contains(one)) {
                come.add(one);
            } else if (!there && before.contains(one)) {
                gone.add(one);
            }
        }
        return new Difference<>(come, gone);
    }

    private void release(T one) {
        Integer count = counts.remove(one);
        if (count == null) {
            throw new IllegalStateException("nobody has claimed " + one);
        }
        if (count > 1) {
            counts.put(one, count - 1);
        }
    }

    /** What is there now. */
    public Set<T> all() {
        return Set.copyOf(counts.keySet());
    }
}
