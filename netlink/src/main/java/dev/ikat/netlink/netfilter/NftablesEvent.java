package dev.ikat.netlink.netfilter;

import java.util.Objects;

/** What a {@link NftablesMonitor} reports. */
public sealed interface NftablesEvent {
    /**
     * A transaction was committed: some process changed something in the namespace's nf_tables.
     *
     * @param id the new generation of the ruleset, unsigned
     * @param port the netlink port of the socket that did it: distinguishes one's own changes from others'
     * @param thread the thread that did it, as the initial process namespace numbers it; 0 if the kernel does not say
     * @param program its name, cut to 15 bytes; empty if the kernel does not say
     */
    record Generation(int id, int port, int thread, String program) implements NftablesEvent {
        public Generation {
            Objects.requireNonNull(program, "program");
        }
    }

    /**
     * Some events were lost, so anything may have changed.
     *
     * @param reason why they were lost
     */
    record Resync(String reason) implements NftablesEvent {
        public Resync {
            Objects.requireNonNull(reason, "reason");
        }
    }
}
