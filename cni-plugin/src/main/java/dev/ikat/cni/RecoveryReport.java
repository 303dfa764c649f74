package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import java.util.List;

/**
 * What one pass of {@link Recovery} found and mended; nothing where everything was as it should be.
 *
 * @param undone half-made attachments of dead processes that were undone
 * @param released attachments whose interrupted release was taken up again
 * @param rebuilt leases that the store had lost, or lost the last word of, and the kernel still showed
 * @param leaks leases freed because their link is gone
 * @param repaired links set up or marked, and routes and neighbours put back or removed
 * @param unexplained links of Ikat's that have no lease and could not be given one, each with why and what to do
 */
public record RecoveryReport(
        int undone, int released, List<Lease> rebuilt, int leaks, int repaired, List<String> unexplained) {
    public RecoveryReport {
        rebuilt = List.copyOf(rebuilt);
        unexplained = List.copyOf(unexplained);
    }

    /** How much was changed. */
    public int changes() {
        return undone + released + rebuilt.size() + leaks + repaired;
    }
}
