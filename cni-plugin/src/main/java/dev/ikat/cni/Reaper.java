package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.model.Attachment;

/**
 * Deletes the links of released leases, and frees each lease once its link and its connections are gone and no earlier.
 * Its steps, for a {@link StepObserver}, are DEL's {@code delete} and {@code free}.
 */
public interface Reaper extends AutoCloseable {
    /** Has a lease that is being released ended, now or soon. */
    void reap(Lease lease);

    /** Has it ended when this returns; nothing happens unless the attachment's lease is being released. */
    void reapNow(Attachment attachment);

    /** Ends the connections of a lease that is to be freed without this, its link being gone. */
    void endConnections(Lease lease);

    /** Finishes what was handed over. */
    @Override
    void close();
}
