package dev.ikat.cni;

import dev.ikat.ipam.AddressPlan;
import java.util.Optional;

/** What the plugin must know of the node it runs on, supplied by its host: the agent, or a JVM of its own. */
public interface PodNetwork {
    /**
     * Makes sure that a pod can be wired now.
     *
     * @throws CniException saying why it can't, {@link CniError#TRY_AGAIN_LATER} where that will pass
     */
    void requireReady(NetworkConfig config);

    /**
     * Where the pod's addresses come from: the configuration's own ranges, or the node's pod CIDRs.
     *
     * @throws CniException if there is nothing to give
     */
    AddressPlan addressPlan(NetworkConfig config);

    /** The greatest packet that a pod may send, in bytes: the configuration's, or what the way to other nodes takes. */
    int mtu(NetworkConfig config);

    /** The largest piece that TCP in a pod may hand to its link, in bytes; empty for the kernel's usual, 64 KiB. */
    default Optional<Integer> gsoMaxSize() {
        return Optional.empty();
    }

    /** Why ADD would fail or pods lack connectivity, as STATUS tells it; empty if all is well. */
    Optional<CniException> status(NetworkConfig config);
}
