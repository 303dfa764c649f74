package dev.ikat.cni;

import dev.ikat.model.IpAddress;
import java.util.Set;

/**
 * The open connections of pods, as far as something on the node keeps a record of them. They end with the pod, so that
 * none of their packets reaches the next pod that has its address.
 */
public interface PodConnections {
    /**
     * Ends those that have one of these addresses at either end, before or after address translation. At that time no
     * packet reaches the addresses any more, and no other pod has them yet. Failures are reported elsewhere: they are
     * no reason to keep an address.
     */
    void end(Set<IpAddress> addresses);
}
