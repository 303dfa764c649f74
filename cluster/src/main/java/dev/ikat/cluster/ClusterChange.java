package dev.ikat.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The difference between two states of the cluster.
 *
 * @param added objects that did not exist before
 * @param updated objects that changed
 * @param removed objects that no longer exist, as they were
 */
public record ClusterChange(List<ClusterObject> added, List<Update> updated, List<ClusterObject> removed) {
    /** No difference. */
    public static final ClusterChange NONE = new ClusterChange(List.of(), List.of(), List.of());

    public ClusterChange {
        added = List.copyOf(added);
        updated = List.copyOf(updated);
        removed = List.copyOf(removed);
    }

    /**
     * The difference between two states.
     *
     * @param before each object by its key, as it was
     * @param after each object by its key, as it is
     */
    public static ClusterChange between(
            Map<ObjectKey, ? extends ClusterObject> before, Map<ObjectKey, ? extends ClusterObject> after) {
        List<ClusterObject> added = new ArrayList<>();
        List<Update> updated = new ArrayList<>();
        List<ClusterObject> removed = new ArrayList<>();
        after.forEach((key, object) -> {
            ClusterObject old = before.get(key);
            if (old == null) {
                added.add(object);
            } else if (!old.equals(object)) {
                updated.add(new Update(old, object));
            }
        });
        before.forEach((key, object) -> {
            if (!after.containsKey(key)) {
                removed.add(object);
            }
        });
        return new ClusterChange(added, updated, removed);
    }

    /** The part of the change that is about objects of these kinds. */
    public ClusterChange only(Set<ObjectKind> kinds) {
        return new ClusterChange(
                only(added, kinds),
                updated.stream()
                        .filter(update -> kinds.contains(update.after().key().kind()))
                        .toList(),
                only(removed, kinds));
    }

    private static List<ClusterObject> only(List<ClusterObject> objects, Set<ObjectKind> kinds) {
        return objects.stream()
                .filter(object -> kinds.contains(object.key().kind()))
                .toList();
    }

    /** Whether there is no difference. */
    public boolean isEmpty() {
        return added.isEmpty() && updated.isEmpty() && removed.isEmpty();
    }

    /**
     * One object that changed.
     *
     * @param before as it was
     * @param after as it is
     */
    public record Update(ClusterObject before, ClusterObject after) {
        public Update {
            if (!before.key().equals(after.key())) {
                throw new IllegalArgumentException(before.key() + " can't become " + after.key());
            }
        }
    }
}
