package dev.ikat.controller.allocation;

import dev.ikat.cluster.AddressPool;
import java.util.Objects;
import java.util.Optional;

/**
 * A pool, and how full it is.
 *
 * @param pool as its object says
 * @param total how many addresses are in force; {@link Long#MAX_VALUE} stands for that many and more
 * @param used how many of them services have
 * @param overlap why what the object says is not in force: with which pool it overlaps; empty if it is in force
 */
public record PoolState(AddressPool pool, long total, long used, Optional<String> overlap) {
    public PoolState {
        Objects.requireNonNull(pool, "pool");
        Objects.requireNonNull(overlap, "overlap");
    }
}
