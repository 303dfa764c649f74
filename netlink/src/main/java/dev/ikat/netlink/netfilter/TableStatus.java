package dev.ikat.netlink.netfilter;

/**
 * What the kernel says of a table of nf_tables.
 *
 * @param flags {@code NFTA_TABLE_FLAGS}
 * @param owner the port of the socket that alone may change it, 0 if anybody may
 */
public record TableStatus(int flags, int owner) {
    /** {@code linux/netfilter/nf_tables.h}: only the socket that made or adopted it may change it. */
    public static final int NFT_TABLE_F_OWNER = 1 << 1;

    /** The same, since Linux 6.9: it stays when that socket is closed, and can be adopted. */
    public static final int NFT_TABLE_F_PERSIST = 1 << 2;

    /** Both. */
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
