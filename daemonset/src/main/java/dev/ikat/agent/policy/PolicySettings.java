package dev.ikat.agent.policy;

import java.time.Duration;
import java.util.OptionalInt;

/**
 * What the operator decides about network policies.
 *
 * @param backend what enforces them
 * @param patience how long ADD waits for the pod's labels where policies ask for them
 * @param cutConnections whether open connections end that a policy forbids
 * @param dropLogGroup the NFLOG group by which the kernel tells of drops; empty for none
 * @param ownTable whether the nftables table is to be one that no other process can change, where the kernel can
 */
public record PolicySettings(
        Backend backend, Duration patience, boolean cutConnections, OptionalInt dropLogGroup, boolean ownTable) {
    /** What enforces policies. */
    public enum Backend {
        /** Nothing does: every packet passes. */
        NONE,
        /** The kernel's nf_tables. */
        NFTABLES
    }
}
