package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ObjectKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Who hears of which kinds. Each hears first all that there is of its kinds, when all of them are known, and then what
 * changes of them; of other kinds nothing. That one fails takes nothing from the others. Not thread-safe: what is
 * reported comes in the order of the calls.
 */
final class Subscriptions {
    private final Consumer<RuntimeException> failed;
    private final List<Subscription> all = new ArrayList<>();

    private static final class Subscription {
        private final Set<ObjectKind> kinds;
        private final ClusterListener listener;
        private boolean begun;

        Subscription(Set<ObjectKind> kinds, ClusterListener listener) {
            this.kinds = Set.copyOf(kinds);
            this.listener = listener;
        }
    }

    /** @param failed hears what listeners throw */
    Subscriptions(Consumer<RuntimeException> failed) {
        this.failed = failed;
    }

    /** From the next {@link #begin} on the listener hears of these kinds. */
    void add(Set<ObjectKind> kinds, ClusterListener listener) {
        all.add(new Subscription(kinds, listener));
    }

    /**
     * Tells those who have heard nothing yet of all that there is, if their kinds are known.
     *
     * @param known which kinds are
     * @param objects what there is of some kinds, as if it were added
     */
    void begin(Predicate<ObjectKind> known, Function<Set<ObjectKind>, ClusterChange> objects) {
        // A listener may subscribe another one.
        for (Subscription each : List.copyOf(all)) {
            if (!each.begun && each.kinds.stream().allMatch(known)) {
                each.begun = true;
                tell(each, objects.apply(each.kinds));
            }
        }
    }

    /** Reports a change of objects of one kind. */
    void report(ObjectKind kind, ClusterChange change) {
        report(change, each -> each.kinds.contains(kind) ? change : ClusterChange.NONE);
    }

    /** Reports a change of objects of any kinds, as one change to each. */
    void report(ClusterChange change) {
        report(change, each -> change.only(each.kinds));
    }

    private void report(ClusterChange change, Function<Subscription, ClusterChange> part) {
        if (change.isEmpty()) {
            return;
        }
        List<Subscription> begun = all.stream().filter(each -> each.begun).toList();
        for (Subscription each : begun) {
            ClusterChange its = part.apply(each);
            if (!its.isEmpty()) {
                tell(each, its);
            }
        }
    }

    private void tell(Subscription subscription, ClusterChange change) {
        try {
            subscription.listener.changed(change);
        } catch (RuntimeException e) {
            // The listener's own failure; the next change is still to reach it.
            failed.accept(e);
        }
    }
}
