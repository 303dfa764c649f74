package dev.ikat.ebpf.service;

/** The maps for services, as in frontends.h, affinity.h, maps.h and uplink.h. */
public enum ServiceMap {
    /** {@code struct place} to {@code struct frontend}. */
    FRONTENDS("frontends", Kind.HASH, 20, 12, 1 << 16),
    /** {@code struct slot} to {@code struct backend}. */
    BACKENDS("backends", Kind.HASH, 8, 20, 1 << 18),
    /** {@code struct own}. */
    OWN_BACKENDS("own_backends", Kind.HASH, 20, 4, 1 << 16),
    /** {@code struct sticky_backend}. */
    STICKY_BACKENDS("sticky_backends", Kind.HASH, 24, 4, 1 << 16),
    /** {@code struct sticky_client} to {@code struct sticky_choice}. */
    STICKY_CLIENTS("sticky_clients", Kind.RECENT, 36, 32, 1 << 16),
    /** {@code struct place} to {@code struct frontend}, for connections from outside the cluster. */
    OUTER_FRONTENDS("outer_frontends", Kind.HASH, 20, 12, 1 << 16),
    /** {@code struct slot} to {@code struct backend}, of the frontends for connections from outside. */
    OUTER_BACKENDS("outer_backends", Kind.HASH, 8, 20, 1 << 18),
    /** The number of one of their groups to {@code struct maglev}. */
    MAGLEV("maglev", Kind.HASH, 4, MaglevTable.SLOTS * Short.BYTES, 1 << 15),
    /** {@code struct address} to another. */
    NODES("nodes", Kind.HASH, 16, 16, 1 << 15),
    /** {@code struct tuple} to {@code struct translation}, two for each connection. */
    TRANSLATIONS("translations", Kind.RECENT, 40, 56, 1 << 18),
    /** {@code struct datagram} to {@code struct tuple}. */
    DATAGRAMS("datagrams", Kind.RECENT, 36, 40, 1 << 12);

    private enum Kind {
        HASH(1, 1), // BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC
        RECENT(9, 0); // BPF_MAP_TYPE_LRU_HASH

        private final int type;
        private final int flags;

        Kind(int type, int flags) {
            this.type = type;
            this.flags = flags;
        }
    }

    private final String map;
    private final Kind kind;
    private final int keyBytes;
    private final int valueBytes;
    private final int most;

    ServiceMap(String map, Kind kind, int keyBytes, int valueBytes, int most) {
        this.map = map;
        this.kind = kind;
        this.keyBytes = keyBytes;
        this.valueBytes = valueBytes;
        this.most = most;
    }

    /** The map's name in the eBPF object. */
    public String map() {
        return map;
    }

    /** The default maximum number of elements. */
    public int most() {
        return most;
    }

    /** Whether only user space writes it. */
    boolean isGiven() {
        return kind == Kind.HASH;
    }

    int type() {
        return kind.type;
    }

    int flags() {
        return kind.flags;
    }

    int keyBytes() {
        return keyBytes;
    }

    int valueBytes() {
        return valueBytes;
    }
}
