package dev.ikat.agent.policy;

import dev.ikat.model.IpAddress;
import dev.ikat.policy.compiler.AddressContest;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The addresses that more than one is said to have; each is logged when it begins and when it is over. Not thread-safe.
 */
final class AddressContests {
    private static final Logger LOG = LoggerFactory.getLogger(AddressContests.class);

    private Map<IpAddress, AddressContest> contests = Map.of();

    /** From now on it is these. */
    void update(Map<IpAddress, AddressContest> now) {
        if (now.equals(contests)) {
            return;
        }
        now.forEach((address, contest) -> {
            if (!contest.equals(contests.get(address))) {
                LOG.atWarn()
                        .addKeyValue("address", address)
                        .addKeyValue("reason", contest)
                        .log("address-contested");
            }
        });
        contests.keySet().stream()
                .filter(address -> !now.containsKey(address))
                .forEach(address -> LOG.atInfo().addKeyValue("address", address).log("address-contest-over"));
        contests = Map.copyOf(now);
    }

    /** In a stable order. */
    List<AddressContest> all() {
        return contests.values().stream()
                .sorted(Comparator.comparing(contest -> contest.address().toString()))
                .toList();
    }
}
