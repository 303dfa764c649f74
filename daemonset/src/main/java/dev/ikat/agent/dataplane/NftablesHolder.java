package dev.ikat.agent.dataplane;

import dev.ikat.nftables.NftablesTable;
import org.jspecify.annotations.Nullable;

/**
 * The one nftables table of this process, opened when it is first needed: loading the library takes a good part of a
 * start, and where nothing needs it, it need not be there. Thread-safe.
 */
public final class NftablesHolder implements AutoCloseable {
    private final boolean ownership;
    private @Nullable NftablesTable table;

    /** @param ownership whether no other process is to change the table, where the kernel can see to that */
    public NftablesHolder(boolean ownership) {
        this.ownership = ownership;
    }

    /**
     * The table, for the network namespace of the thread that asks first.
     *
     * @throws dev.ikat.nftables.NftablesUnavailableException if libnftables is not there
     */
    public synchronized NftablesTable get() {
        NftablesTable open = table;
        if (open == null) {
            open = NftablesTable.open(ownership);
            table = open;
        }
        return open;
    }

    /** Whether somebody else can change the table, where it is open. */
    synchronized boolean isExposed() {
        NftablesTable open = table;
        return open != null && open.isPresent() && !open.isProtected();
    }

    /** The netlink port by which this process changes nftables, 0 if it is not known. */
    synchronized int port() {
        NftablesTable open = table;
        return open == null ? 0 : open.port();
    }

    @Override
    public synchronized void close() {
        NftablesTable open = table;
        table = null;
        if (open != null) {
            open.close();
        }
    }
}
