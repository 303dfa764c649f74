package dev.ikat.services.compiler;

import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Which service has which frontend: the first of those that claim it. The others have it when that one goes. */
final class FrontendBook {
    private final Map<Frontend, Claim> holders = new HashMap<>();
    /** Of the few frontends that several claim, all the claims but the holder's. */
    private final Map<Frontend, NavigableSet<Claim>> others = new HashMap<>();
    /** What became of connections to frontends that were touched since the last {@link #takeChange}. */
    private Map<Frontend, Optional<FrontendProgram>> before = new HashMap<>();

    /**
     * What is different.
     *
     * @param changed frontends that are new or otherwise
     * @param removed frontends that nobody claims any more
     */
    record Change(List<FrontendProgram> changed, Set<Frontend> removed) {}

    /** A service claims other frontends than before, or claims them otherwise. */
    void replace(Map<Frontend, Claim> former, Map<Frontend, Claim> now) {
        former.forEach((frontend, claim) -> {
            if (!claim.equals(now.get(frontend))) {
                withdraw(claim);
            }
        });
        now.forEach((frontend, claim) -> {
            if (!claim.equals(former.get(frontend))) {
                claim(claim);
            }
        });
    }

    private void claim(Claim claim) {
        Frontend frontend = claim.frontend();
        Claim holder = touch(frontend);
        if (holder == null) {
            holders.put(frontend, claim);
        } else {
            boolean first = claim.compareTo(holder) < 0;
            others.computeIfAbsent(frontend, _ -> new TreeSet<>()).add(first ? holder : claim);
            if (first) {
                holders.put(frontend, claim);
            }
        }
    }

    private void withdraw(Claim claim) {
        Frontend frontend = claim.frontend();
        Claim holder = touch(frontend);
        NavigableSet<Claim> waiting = others.get(frontend);
        if (waiting == null) {
            holders.remove(frontend);
            return;
        }
        if (claim.equals(holder)) {
            holders.put(frontend, waiting.removeFirst());
        } else {
            waiting.remove(claim);
        }
        if (waiting.isEmpty()) {
            others.remove(frontend);
        }
    }

    private @Nullable Claim touch(Frontend frontend) {
        Claim holder = holders.get(frontend);
        before.putIfAbsent(frontend, Optional.ofNullable(holder).map(Claim::program));
        return holder;
    }

    /** What is different since this was asked last. */
    Change takeChange() {
        List<FrontendProgram> changed = new ArrayList<>();
        Set<Frontend> removed = new HashSet<>();
        before.forEach((frontend, former) -> {
            Claim holder = holders.get(frontend);
            if (holder != null && !former.equals(Optional.of(holder.program()))) {
                changed.add(holder.program());
            } else if (holder == null && former.isPresent()) {
                removed.add(frontend);
            }
        });
        // Not cleared: one that was large once takes as long for ever.
        before = new HashMap<>();
        return new Change(changed, removed);
    }

    /** What becomes of connections to each frontend. */
    Map<Frontend, FrontendProgram> programs() {
        Map<Frontend, FrontendProgram> programs = HashMap.newHashMap(holders.size());
        holders.forEach((frontend, claim) -> programs.put(frontend, claim.program()));
        return programs;
    }

    /** Tells of each claim that has no effect. */
    void findings(Consumer<ServiceFinding> found) {
        others.forEach((frontend, claims) -> {
            Claim holder = holders.get(frontend);
            if (holder != null) {
                claims.forEach(claim -> found.accept(new ServiceFinding(
                        new ObjectKey(
                                ObjectKind.SERVICE,
                                claim.service().namespace(),
                                claim.service().name()),
                        claim.field(),
                        frontend + " is in use by service " + holder.service() + " (" + holder.field()
                                + "), which has connections to it")));
            }
        });
    }
}
