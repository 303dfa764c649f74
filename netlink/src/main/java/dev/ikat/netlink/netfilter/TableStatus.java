package dev.ikat.netlink.netfilter;

/**
 * The flags and the owner of an nf_tables table.
 *
 * @param flags {@code NFTA_TABLE_FLAGS}
 * @param owner the port of the only socket that may change it, 0 if any may
 */
public record TableStatus(int flags, int owner) {
    /** {@code linux/netfilter/nf_tables.h}: only the socket that created or adopted it may change it. */
    public static final int NFT_TABLE_F_OWNER = 1 << 1;

    /** The same header, since Linux 6.9: the table stays when that socket is closed, and can be adopted. */
    public static final int NFT_TABLE_F_PERSIST = 1 << 2;

    /** Both flags. */
    public static final int OWNED = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;

    /** Whether it belongs to the socket with this port, and stays when that is closed. */
    public boolean ownedBy(int port) {
        return (flags & OWNED) == OWNED && owner == port;
    }

    /** Whether the socket that it belonged to was closed. */
    public boolean orphaned() {
        return (flags & OWNED) == NFT_TABLE_F_PERSIST;
    }
}
