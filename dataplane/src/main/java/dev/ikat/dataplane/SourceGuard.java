package dev.ikat.dataplane;

/**
 * Believes a packet's source only on the way that this source's packets come, in the kernel of the network namespace in
 * which it was opened: a pod's on its own link, another node's pods' in that node's tunnel or on its route, a tunnel's
 * from a node. It holds whatever policies there are, and none. Not thread-safe.
 */
public interface SourceGuard {
    /**
     * Compares what the kernel has with {@code state} and replaces it where they differ, in one step.
     *
     * @return whether they differed
     * @throws RuntimeException if it cannot be read or written, in the words of what does it
     */
    boolean reconcile(GuardState state);

    /** Takes it out of the kernel; nothing happens where there is none. */
    void remove();
}
