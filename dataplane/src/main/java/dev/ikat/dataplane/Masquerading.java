package dev.ikat.dataplane;

/**
 * Masquerades this node's pods for everything outside the cluster, in the kernel of the network namespace in which it
 * was opened. Not thread-safe.
 */
public interface Masquerading {
    /** The result of {@link #reconcile}. */
    enum Outcome {
        /** The kernel already had the desired state. */
        UNCHANGED,
        /** The kernel had something else, or nothing, and has it now. */
        REPAIRED
    }

    /**
     * Compares the kernel's state with {@code state} and replaces it if they differ.
     *
     * @throws RuntimeException if it cannot be read or written; the message is that of the program or library that
     *     failed
     */
    Outcome reconcile(MasqueradeState state);

    /** Removes it from the kernel; idempotent. */
    void remove();
}
