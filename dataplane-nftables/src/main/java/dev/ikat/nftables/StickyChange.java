package dev.ikat.nftables;

import dev.ikat.netlink.netfilter.NftablesBatch;
import dev.ikat.services.program.Backend;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How the sets and chains of frontends with affinity change in a transaction. The clients of a backend that stays are
 * not touched. Not thread-safe.
 */
final class StickyChange {
    private final Map<String, StickyTarget> former = new HashMap<>();
    private final Map<String, StickyTarget> now = new HashMap<>();
    private final Set<String> chains = new HashSet<>();

    /** A frontend had these targets before. */
    void former(List<StickyTarget> targets) {
        targets.forEach(target -> former.put(target.name(), target));
    }

    /** A frontend has these targets now. */
    void now(List<StickyTarget> targets) {
        targets.forEach(target -> now.put(target.name(), target));
    }

    /** Whether any of them is different. */
    boolean isEmpty() {
        return former.equals(now);
    }

    /** The chains whose rules were written anew, or taken away. */
    Set<String> chains() {
        return chains;
    }

    private void create(NftablesBatch batch, String chain) {
        chains.add(chain);
        ServiceRules.createEmpty(batch, chain);
    }

    private void flush(NftablesBatch batch, String chain) {
        chains.add(chain);
        ServiceRules.flush(batch, chain);
    }

    private static List<Backend> lacking(StickyTarget target, Optional<StickyTarget> other) {
        Set<Backend> others = new HashSet<>(other.map(StickyTarget::backends).orElse(List.of()));
        return target.backends().stream()
                .filter(backend -> !others.contains(backend))
                .toList();
    }

    /** Writes what has to be there before elements lead there. */
    void before(NftablesBatch batch) {
        int id = 0;
        for (StickyTarget target : now.values()) {
            Optional<StickyTarget> before = Optional.ofNullable(former.get(target.name()));
            if (before.equals(Optional.of(target))) {
                continue;
            }
            List<Backend> added = lacking(target, before);
            for (Backend backend : added) {
                ServiceSet.createClients(
                        batch,
                        target.clients(backend),
                        target.frontend().address().family(),
                        ++id);
                create(batch, target.chain(backend));
                target.rules(batch, backend);
            }
            if (before.filter(known -> !known.time().equals(target.time())).isPresent()) {
                target.backends().stream()
                        .filter(backend -> !added.contains(backend))
                        .forEach(backend -> {
                            flush(batch, target.chain(backend));
                            target.rules(batch, backend);
                        });
            }
            if (before.isPresent()) {
                flush(batch, target.name());
            } else {
                create(batch, target.name());
            }
            target.rules(batch);
        }
        for (StickyTarget gone : former.values()) {
            if (!now.containsKey(gone.name())) {
                flush(batch, gone.name());
            }
        }
    }

    /** Writes what has to go when no element leads there any more. */
    void after(NftablesBatch batch) {
        for (StickyTarget target : former.values()) {
            Optional<StickyTarget> after = Optional.ofNullable(now.get(target.name()));
            for (Backend backend : lacking(target, after)) {
                flush(batch, target.chain(backend));
                ServiceSet.delete(batch, target.clients(backend));
                ServiceRules.delete(batch, target.chain(backend));
            }
            if (after.isEmpty()) {
                ServiceRules.delete(batch, target.name());
            }
        }
    }
}
