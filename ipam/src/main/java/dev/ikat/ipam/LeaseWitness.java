package dev.ikat.ipam;

/**
 * Knows from elsewhere than the files whether a lease is in use. It is asked when the files lack a lease that this
 * process has read or written: another process may have freed it, and then it is not; or the files were damaged.
 */
@FunctionalInterface
public interface LeaseWitness {
    /** For a process that remembers nothing for longer than a request. */
    LeaseWitness NONE = _ -> false;

    /** Whether the attachment is wired. Called with the store locked: must not use it, and must be quick. */
    boolean isWired(Lease lease);
}
