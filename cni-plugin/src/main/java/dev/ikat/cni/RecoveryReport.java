package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import java.util.List;

/**
 * What one pass of {@link Recovery} found and repaired; all empty if nothing was wrong.
 *
 * @param undone half-created attachments of dead processes that were undone
 * @param released attachments whose interrupted release was resumed
 * @param rebuilt leases that the store had lost completely or in part, and that were rebuilt from the kernel
 * @param leaks leases that were freed because their link no longer exists
 * @param repaired links that were set up or marked, and routes and neighbour entries that were restored or removed
 * @param readdressed links whose link-layer address somebody had changed, each with what it was changed to
 * @param unexplained links of Ikat's that have no lease and could not be given one, each with the reason and what to do
 */
public record RecoveryReport(
        int undone,
        int released,
        List<Lease> rebuilt,
        int leaks,
        int repaired,
        List<String> readdressed,
        List<String> unexplained) {
    public RecoveryReport {
        rebuilt = List.copyOf(rebuilt);
        readdressed = List.copyOf(readdressed);
        unexplained = List.copyOf(unexplained);
    }

    /** The number of changes. */
    public int changes() {
        return undone + released + rebuilt.size() + leaks + repaired;
    }
}
