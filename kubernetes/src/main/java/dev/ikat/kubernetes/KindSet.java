package dev.ikat.kubernetes;

import dev.ikat.cluster.ObjectKind;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The kinds that a source was opened with, in that order. No two have one title or one path. Immutable. */
final class KindSet {
    private final Map<ObjectKind, ApiKind<?>> kinds = new LinkedHashMap<>();

    /** @throws IllegalArgumentException if two of them can't be told apart */
    KindSet(List<ApiKind<?>> all) {
        Set<String> titles = new HashSet<>();
        for (ApiKind<?> kind : all) {
            // Metrics and messages name a kind by its title.
            if (kinds.put(kind.kind(), kind) != null || !titles.add(kind.title())) {
                throw new IllegalArgumentException(
                        "more than one kind is " + kind.kind() + " or has the title " + kind);
            }
        }
    }

    List<ApiKind<?>> all() {
        return List.copyOf(kinds.values());
    }

    Set<ObjectKind> objectKinds() {
        return Set.copyOf(kinds.keySet());
    }

    /** The kind of such objects; empty if they are not asked for. */
    Optional<ApiKind<?>> find(ObjectKind kind) {
        return Optional.ofNullable(kinds.get(kind));
    }
}
