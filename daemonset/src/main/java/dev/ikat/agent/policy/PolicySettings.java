package dev.ikat.agent.policy;

import dev.ikat.iptables.IptablesVariant;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The operator's settings for network policies.
 *
 * @param backend what enforces them
 * @param patience how long ADD waits for the pod's labels if policies select by them
 * @param cutConnections whether open connections are ended when a policy forbids them
 * @param dropLogGroup the NFLOG group through which the kernel reports drops; empty for none
 * @param variant of iptables; empty for the one that the host uses
 * @param ownTable whether to keep other processes from changing the nftables table, if the kernel supports that
 * @param sampleAccepted one of this many accepted connections is reported, if the backend can; 0 for none
 * @param tableLimits the maximum rows of eBPF's tables that differ from the defaults, by name
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
        /** Policies are not enforced. */
        NONE,
        /** The kernel's nf_tables. */
        NFTABLES,
        /** iptables and ipset. */
        IPTABLES,
        /** eBPF programs; masquerading and the guard of sources are left to one of the others. */
        EBPF
    }
}
