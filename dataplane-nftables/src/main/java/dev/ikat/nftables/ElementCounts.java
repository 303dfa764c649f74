package dev.ikat.nftables;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * How many frontends need each of the elements that they share, so that one goes with the last that needs it. What has
 * changed since it was last settled can be undone.
 */
final class ElementCounts {
    private final Map<ServiceElement, Integer> counts = new HashMap<>();
    private final Map<ServiceElement, Integer> before = new HashMap<>();

    void add(Set<ServiceElement> elements) {
        elements.forEach(element -> change(element, 1));
    }

    void remove(Set<ServiceElement> elements) {
        elements.forEach(element -> change(element, -1));
    }

    private void change(ServiceElement element, int by) {
        int count = counts.getOrDefault(element, 0);
        before.putIfAbsent(element, count);
        if (count + by == 0) {
            counts.remove(element);
        } else {
            counts.put(element, count + by);
        }
    }

    /** All that are needed. */
    Set<ServiceElement> elements() {
        return counts.keySet();
    }

    /** Those that were needed when it was settled and are not now. */
    Set<ServiceElement> gone() {
        Set<ServiceElement> gone = new HashSet<>();
        before.forEach((element, count) -> {
            if (count > 0 && !counts.containsKey(element)) {
                gone.add(element);
            }
        });
        return gone;
    }

    /** Those that are needed now and were not when it was settled. */
    Set<ServiceElement> come() {
        Set<ServiceElement> come = new HashSet<>();
        before.forEach((element, count) -> {
            if (count == 0 && counts.containsKey(element)) {
                come.add(element);
            }
        });
        return come;
    }

    /** What was changed stays so. */
    void settle() {
        before.clear();
    }

    /** What was changed since it was settled is as before. */
    void undo() {
        before.forEach((element, count) -> {
            if (count == 0) {
                counts.remove(element);
            } else {
                counts.put(element, count);
            }
        });
        before.clear();
    }
}
