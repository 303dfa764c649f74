package dev.ikat.agent;

import dev.ikat.nftables.NftablesTable;
import org.jspecify.annotations.Nullable;

/**
 * The one nftables table of this process, opened when it is first needed: loading the library takes a good part of a
 * start, and where nothing needs it, it need not be there. Thread-safe.
 */
final class NftablesHolder implements AutoCloseable {
    private @Nullable NftablesTable table;

    /**
     * The table, for the network namespace of the thread that asks first.
     *
     * @throws dev.ikat.nftables.NftablesUnavailableException if libnftables is not there
     */
    synchronized NftablesTable get() {
        NftablesTable open = table;
        if (open == null) {
            open = NftablesTable.open(true);
            table = open;
        }
        return open;
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
