package dev.ikat.policy.program;

import java.util.List;

/**
 * What one direction of one pod allows: the tiers are asked in order, and what all of them pass on is accepted. It does
 * not apply to a pod's traffic with itself and with its own node.
 *
 * @param tiers in the order of {@link Tier}, only those that have rules or a default
 */
public record DirectionProgram(List<TierProgram> tiers) {
    /** Allows everything. */
    public static final DirectionProgram OPEN = new DirectionProgram(List.of());

    /** Allows nothing although no policy says so: for an endpoint whose pod can't be determined. */
    public static final DirectionProgram CLOSED =
            new DirectionProgram(List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(), Action.DENY, List.of())));

    public DirectionProgram {
        tiers = List.copyOf(tiers);
    }

    /** Whether it allows everything. */
    public boolean isOpen() {
        return tiers.isEmpty();
    }
}
