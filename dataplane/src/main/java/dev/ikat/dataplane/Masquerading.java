package dev.ikat.dataplane;

/**
 * Hides the addresses of this node's pods from everything outside the cluster, in the kernel of the network namespace
 * in which it was opened. Not thread-safe.
 */
public interface Masquerading {
    /** What {@link #reconcile} found. */
    enum Outcome {
        /** The kernel has what is wanted. */
        UNCHANGED,
        /** The kernel had something else, or nothing, and has it now. */
        REPAIRED
    }

    /**
     * Compares what the kernel has with {@code state} and replaces it where they differ.
     *
     * @throws RuntimeException if it cannot be read or written, in the words of what does it
     */
    Outcome reconcile(MasqueradeState state);

    /** Takes it out of the kernel; nothing happens where there is none. */
    void remove();
}
