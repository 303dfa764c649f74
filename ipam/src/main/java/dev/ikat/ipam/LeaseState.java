package dev.ikat.ipam;

/** Where an attachment is in its life. Its addresses are taken in all of these. */
public enum LeaseState {
    /** An ADD is under way: if its process is dead, nobody was told, and everything is to be undone. */
    PENDING,
    /** The runtime was told. */
    ACTIVE,
    /** A DEL has begun: it can only be finished, and the addresses are free once the interface is gone. */
    RELEASING
}
