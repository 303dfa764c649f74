package dev.ikat.cni;

import dev.ikat.model.IpAddress;
import java.util.Set;

/**
 * The connections that pods have open, as far as something on the node remembers them: they end with the pod, so that
 * none of their packets comes to who has its address next.
 */
public interface PodConnections {
    /**
     * Ends those that have one of these addresses at any end, before or after a translation of addresses. No packet
     * reaches the addresses any more, and nobody else has them yet. What goes wrong is told elsewhere: it is no reason
     * to keep an address.
     */
    void end(Set<IpAddress> addresses);
}
