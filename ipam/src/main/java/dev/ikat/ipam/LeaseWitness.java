package dev.ikat.ipam;

/**
 * Knows from another source than the files whether a lease is in use. It is asked if the files lack a lease that this
 * process has read or written: either another process freed it, so that it is not in use, or the files were damaged.
 */
@FunctionalInterface
public interface LeaseWitness {
    /** For a process that remembers nothing longer than one request. */
    LeaseWitness NONE = _ -> false;

    /**
     * Whether the attachment is wired. The store is locked during the call, so the implementation must not use it, and
     * must be quick.
     */
    boolean isWired(Lease lease);
}
