package dev.ikat.nftables;

/**
 * What the kernel says of Ikat's table.
 *
 * @param flags {@code NFTA_TABLE_FLAGS}
 * @param owner the port of the socket that alone may change it, 0 if anybody may
 */
record TableStatus(int flags, int owner) {
    /** {@code linux/netfilter/nf_tables.h}: only the socket that made or adopted it may change it. */
    static final int NFT_TABLE_F_OWNER = 1 << 1;

    /** The same, since Linux 6.9: it stays when that socket is closed, and can be adopted. */
    static final int NFT_TABLE_F_PERSIST = 1 << 2;

    static final int OWNED = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;

    boolean ownedBy(int port) {
        return (flags & OWNED) == OWNED && owner == port;
    }

    boolean orphaned() {
        return (flags & OWNED) == NFT_TABLE_F_PERSIST;
    }
}
