package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKind;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What is known of all kinds, and what is still waited for: first the kinds that a cluster must have, then the optional
 * ones. It is as of a snapshot as long as objects of a kind that a cluster must have come from one. Not thread-safe.
 */
final class KnownKinds {
    private final Map<ObjectKind, KnownKind> kinds = new LinkedHashMap<>();

    /** When the snapshot was taken whose objects are among the present ones; empty if there is none. */
    private Optional<Instant> asOf = Optional.empty();

    /**
     * What is waited for.
     *
     * @param optional whether only optional kinds are
     * @param outage whether the API can't be asked for any of those that are waited for
     */
    record Missing(boolean optional, boolean outage) {}

    KnownKinds(KindSet kinds, ApiMetrics metrics) {
        Interner interner = new Interner();
        kinds.all().forEach(kind -> this.kinds.put(kind.kind(), new KnownKind(kind, interner, metrics)));
    }

    /** @throws IllegalArgumentException if the kind is not asked for */
    KnownKind get(ObjectKind kind) {
        KnownKind known = kinds.get(kind);
        if (known == null) {
            throw new IllegalArgumentException(kind + " is not asked for; what is: " + kinds.keySet());
        }
        return known;
    }

    /** Each of them, in the order in which they were registered. */
    Stream<KnownKind> stream() {
        return kinds.values().stream();
    }

    private List<KnownKind> open() {
        return stream().filter(kind -> !kind.isSettled()).toList();
    }

    /** Whether nothing is waited for. */
    boolean areSettled() {
        return stream().allMatch(KnownKind::isSettled);
    }

    /** What is waited for, if anything is. */
    Optional<Missing> missing() {
        List<KnownKind> open = open();
        List<KnownKind> needed =
                open.stream().filter(kind -> !kind.kind().isOptional()).toList();
        List<KnownKind> waited = needed.isEmpty() ? open : needed;
        return waited.isEmpty()
                ? Optional.empty()
                : Optional.of(new Missing(
                        needed.isEmpty(),
                        waited.stream().anyMatch(kind -> kind.outage().isPresent())));
    }

    /**
     * Nothing is waited for any longer: of kinds that the API has not told of, what an earlier run kept is in force
     * until it does. Where nothing was kept, that is nothing for optional kinds, as long as no others are missing;
     * those are waited for nevertheless.
     *
     * @return whether anything of what was kept is in force
     */
    boolean startFrom(Optional<Snapshot.Content> kept) {
        List<KnownKind> open = open();
        boolean needed = open.stream().anyMatch(kind -> !kind.kind().isOptional());
        if (open.isEmpty() || (needed && kept.isEmpty())) {
            return false;
        }
        kept.ifPresent(this::take);
        open.forEach(KnownKind::settle);
        if (needed) {
            asOf = kept.map(content -> content.taken().truncatedTo(ChronoUnit.SECONDS));
        }
        return kept.isPresent();
    }

    private void take(Snapshot.Content content) {
        for (ClusterObject object : content.objects()) {
            KnownKind kind = kinds.get(object.key().kind());
            if (kind != null && !kind.isSettled()) {
                kind.take(object);
            }
        }
    }

    /** The API has said what there is of a kind. */
    void said() {
        if (stream().allMatch(kind -> kind.isListed() || kind.kind().isOptional())) {
            asOf = Optional.empty();
        }
    }

    /** When the snapshot was taken that is in force in part; empty if none is. */
    Optional<Instant> asOf() {
        return asOf;
    }

    /** The objects of some kinds. */
    List<ClusterObject> objects(Set<ObjectKind> wanted) {
        List<ClusterObject> all = new ArrayList<>();
        stream().filter(kind -> wanted.contains(kind.kind().kind())).forEach(kind -> kind.forEach(all::add));
        return all;
    }

    /** The objects of all kinds. */
    List<ClusterObject> objects() {
        return objects(kinds.keySet());
    }

    /** How many objects there are. */
    int size() {
        return stream().mapToInt(KnownKind::size).sum();
    }

    /** Of which kinds changes are not heard, and what is wrong with objects. */
    List<SourceFault> faults() {
        List<SourceFault> faults = new ArrayList<>();
        stream().forEach(kind -> kind.outage().ifPresent(faults::add));
        stream().forEach(kind -> faults.addAll(kind.faults()));
        return faults;
    }
}
