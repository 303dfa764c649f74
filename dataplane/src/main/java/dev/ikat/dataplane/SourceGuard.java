package dev.ikat.dataplane;

/**
 * Checks that a packet arrives on the path of its source address, in the kernel of the network namespace in which it
 * was opened: from a pod's address on the pod's own link, from another node's pods in that node's tunnel or on the
 * route to it, and into a tunnel from a node. It does not depend on policies. Not thread-safe.
 */
public interface SourceGuard {
    /**
     * Compares the kernel's state with {@code state} and replaces it atomically if they differ.
     *
     * @return whether they differed
     * @throws RuntimeException if it cannot be read or written; the message is that of the program or library that
     *     failed
     */
    boolean reconcile(GuardState state);

    /** Removes it from the kernel; idempotent. */
    void remove();
}
