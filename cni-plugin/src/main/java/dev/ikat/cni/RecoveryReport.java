package dev.ikat.cni;

/**
 * What one pass of {@link Recovery} found and mended; all zero where everything was as it should be.
 *
 * @param undone half-made attachments of dead processes that were undone
 * @param released attachments whose interrupted release was taken up again
 * @param strayLinks links of Ikat's that no lease belongs to, deleted
 * @param leaks leases freed because their link is gone
 * @param repaired links set up, and routes and neighbours put back or removed
 */
public record RecoveryReport(int undone, int released, int strayLinks, int leaks, int repaired) {
    /** Whether anything was wrong. */
    public boolean foundSomething() {
        return undone + released + strayLinks + leaks + repaired > 0;
    }

    @Override
    public String toString() {
        return "undone=" + undone + " released=" + released + " strayLinks=" + strayLinks + " leaks=" + leaks
                + " repaired=" + repaired;
    }
}
