package dev.ikat.cni;

import dev.ikat.ipam.Lease;
import dev.ikat.model.Attachment;

/**
 * Deletes the links of released leases, and frees each lease when its link and its connections no longer exist, and not
 * before. Its steps, for a {@link StepObserver}, are DEL's {@code delete} and {@code free}.
 */
public interface Reaper extends AutoCloseable {
    /** Ends a lease that is being released, now or soon. */
    void reap(Lease lease);

    /** Ends it before this returns; does nothing unless the attachment's lease is being released. */
    void reapNow(Attachment attachment);

    /** Ends the connections of a lease whose link no longer exists, and which is therefore freed without the reaper. */
    void endConnections(Lease lease);

    /** Completes what was handed over. */
    @Override
    void close();
}
