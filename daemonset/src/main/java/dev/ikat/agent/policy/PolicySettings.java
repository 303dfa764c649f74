package dev.ikat.agent.policy;

import dev.ikat.iptables.IptablesVariant;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the operator decides about network policies.
 *
 * @param backend what enforces them
 * @param patience how long ADD waits for the pod's labels where policies ask for them
 * @param cutConnections whether open connections end that a policy forbids
 * @param dropLogGroup the NFLOG group by which the kernel tells of drops; empty for none
 * @param variant of iptables; empty for what the host uses
 * @param ownTable whether the nftables table is to be one that no other process can change, where the kernel can
 * @param sampleAccepted one of so many accepted connections is told of, where the backend can; 0 for none
 * @param tableLimits the most rows of eBPF's tables, by their names, where others than the usual are wanted
 */
public record PolicySettings(
        Backend backend,
        Duration patience,
        boolean cutConnections,
        OptionalInt dropLogGroup,
        Optional<IptablesVariant> variant,
        boolean ownTable,
        int sampleAccepted,
        Map<String, Integer> tableLimits) {
    public PolicySettings {
        tableLimits = Map.copyOf(tableLimits);
    }

    /** The same with another backend. */
    public PolicySettings with(Backend other) {
        return new PolicySettings(
                other, patience, cutConnections, dropLogGroup, variant, ownTable, sampleAccepted, tableLimits);
    }

    /** What enforces policies. */
    public enum Backend {
        /** Nothing does. */
        NONE,
        /** The kernel's nf_tables. */
        NFTABLES,
        /** iptables and ipset. */
        IPTABLES,
        /** eBPF programs; masquerading and the guard of sources are left to one of the others. */
        EBPF
    }
}
