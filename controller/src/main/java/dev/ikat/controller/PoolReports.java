package dev.ikat.controller;

import dev.ikat.cluster.AddressPool;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.controller.allocation.PoolState;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ApiWriter;
import dev.ikat.kubernetes.ConditionPatch;
import java.time.Clock;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes into the status of pools how full they are, and whether they are in force: the condition {@code Accepted}, by
 * which the next leader also knows what was in force. Only what is otherwise than before is written. Not thread-safe.
 */
final class PoolReports {
    private static final Logger LOG = LoggerFactory.getLogger(PoolReports.class);
    private static final String ACCEPTED = "Accepted";
    /** What JSON's readers hold without rounding; it stands for more, too. */
    private static final long MOST = 1L << 53;

    private final ApiWriter writer;
    private final WriteQueue queue;
    private final Clock clock;
    private final Map<String, Use> uses = new HashMap<>();
    private final Map<String, ObjectCondition> conditions = new HashMap<>();
    private final Map<String, Instant> since = new HashMap<>();

    private record Use(long total, long used) {}

    PoolReports(ApiWriter writer, WriteQueue queue, Clock clock) {
        this.writer = writer;
        this.queue = queue;
        this.clock = clock;
    }

    /**
     * Reports of the pools as they are now.
     *
     * @param unreadable why a pool can't be read as it is now, by name; also of one that never could
     */
    void report(List<PoolState> pools, Map<String, String> unreadable) {
        Set<String> names = new HashSet<>(unreadable.keySet());
        for (PoolState state : pools) {
            AddressPool pool = state.pool();
            names.add(pool.name());
            use(pool.name(), new Use(Math.min(MOST, state.total()), state.used()));
            Optional<String> fault = Optional.ofNullable(unreadable.get(pool.name()));
            condition(
                    pool.name(),
                    fault.isPresent()
                            ? invalid(fault.get(), pool.reported().generation())
                            : state.overlap()
                                    .map(overlap -> new ObjectCondition(
                                            ACCEPTED,
                                            false,
                                            "Overlap",
                                            overlap,
                                            pool.reported().generation()))
                                    .orElse(new ObjectCondition(
                                            ACCEPTED,
                                            true,
                                            ACCEPTED,
                                            "its addresses can be given to services",
                                            pool.reported().generation())),
                    pool.reported().condition());
        }
        unreadable.forEach((name, fault) -> {
            if (pools.stream().noneMatch(state -> state.pool().name().equals(name))) {
                condition(name, invalid(fault, 0), Optional.empty());
            }
        });
        uses.keySet().retainAll(names);
        conditions.keySet().retainAll(names);
        since.keySet().retainAll(names);
    }

    private static ObjectCondition invalid(String fault, long generation) {
        return new ObjectCondition(ACCEPTED, false, "Invalid", fault, generation);
    }

    private void use(String name, Use use) {
        if (!use.equals(uses.put(name, use))) {
            write(name, "use", Bodies.use(use.total(), use.used()));
        }
    }

    private void condition(String name, ObjectCondition now, Optional<ObjectCondition> reported) {
        ObjectCondition before = conditions.put(name, now);
        if (now.equals(before) || (before == null && reported.equals(Optional.of(now)))) {
            return;
        }
        if (now.holds()) {
            LOG.atInfo().addKeyValue("pool", name).log("pool-accepted");
        } else {
            LOG.atWarn()
                    .addKeyValue("pool", name)
                    .addKeyValue("reason", now.message())
                    .log("pool-refused");
        }
        if (before == null || before.holds() != now.holds()) {
            since.put(name, clock.instant());
        }
        write(name, "condition", ConditionPatch.of(now, since.getOrDefault(name, clock.instant())));
    }

    private void write(String name, String part, String body) {
        ObjectKey key = new ObjectKey(ObjectKind.ADDRESS_POOL, "", name);
        queue.put(new WriteQueue.Entry(
                key + " " + part, "pool", () -> writer.mergeStatus(ApiKinds.ADDRESS_POOLS, key, body), () -> {}));
    }

    /** The pools of which what their object says is not in force. */
    List<String> refused() {
        return conditions.entrySet().stream()
                .filter(entry -> !entry.getValue().holds())
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
    }
}
