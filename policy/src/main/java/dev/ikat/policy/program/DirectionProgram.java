package dev.ikat.policy.program;

import java.util.List;

/**
 * What one direction of one pod lets pass: the tiers are asked in order, and what all of them pass on is accepted. A
 * pod's traffic with itself and with its own node is never asked about.
 *
 * @param tiers in the order of {@link Tier}, only those that have something to say
 */
public record DirectionProgram(List<TierProgram> tiers) {
    /** Everything passes. */
    public static final DirectionProgram OPEN = new DirectionProgram(List.of());

    /** Nothing passes, and no policy says so: of an endpoint of which nobody can say whose it is. */
    public static final DirectionProgram CLOSED =
            new DirectionProgram(List.of(new TierProgram(Tier.NETWORK_POLICY, List.of(), Action.DENY, List.of())));

    public DirectionProgram {
        tiers = List.copyOf(tiers);
    }

    /** Whether everything passes. */
    public boolean isOpen() {
        return tiers.isEmpty();
    }
}
