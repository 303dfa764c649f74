package dev.ikat.cni;

import dev.ikat.ipam.AddressPlan;
import java.util.Optional;

/**
 * What the plugin needs to know about the node that it runs on. Provided by its process: the agent, or a JVM of its
 * own.
 */
public interface PodNetwork {
    /**
     * Checks that a pod can be wired now.
     *
     * @throws CniException with the reason why it can't, {@link CniError#TRY_AGAIN_LATER} if that is temporary
     */
    void requireReady(NetworkConfig config);

    /**
     * The ranges of the pod's addresses: the configuration's own, or the node's pod CIDRs.
     *
     * @throws CniException if there is no range
     */
    AddressPlan addressPlan(NetworkConfig config);

    /**
     * The size of the largest packet that a pod may send, in bytes: the configuration's MTU, or that of the path to
     * other nodes.
     */
    int mtu(NetworkConfig config);

    /** The largest segment that TCP in a pod may hand to its link, in bytes; empty for the kernel's default, 64 KiB. */
    default Optional<Integer> gsoMaxSize() {
        return Optional.empty();
    }

    /** Why ADD would fail, for STATUS; empty if it would not. */
    Optional<CniException> status(NetworkConfig config);
}
