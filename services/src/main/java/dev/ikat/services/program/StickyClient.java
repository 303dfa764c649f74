package dev.ikat.services.program;

import dev.ikat.model.IpAddress;
import java.time.Duration;

/**
 * A client that has its backend by session affinity.
 *
 * @param address the client's address, of the same family as the frontend's
 * @param frontend to which it connects
 * @param backend to which its connections go
 * @param left how much longer, more than nothing, unless it connects again
 */
public record StickyClient(IpAddress address, Frontend frontend, Backend backend, Duration left) {
    public StickyClient {
        if (!left.isPositive()) {
            throw new IllegalArgumentException(address + " has its backend for " + left + ", which is over");
        }
    }
}
