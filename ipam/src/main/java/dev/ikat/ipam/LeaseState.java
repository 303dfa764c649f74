package dev.ikat.ipam;

/** The state of an attachment. Its addresses are taken in each of these states. */
public enum LeaseState {
    /**
     * An ADD is running. If its process no longer exists, the runtime got no answer, and everything has to be undone.
     */
    PENDING,
    /** The runtime got its answer. */
    ACTIVE,
    /** A DEL has begun: it can only be finished, and the addresses are free once the interface is gone. */
    RELEASING
}
