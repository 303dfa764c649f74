package dev.ikat.ebpf.program;

/** The maps in which a policy program is stored. */
public enum Table {
    INTERFACES("interfaces", Kind.HASH, 1 << 12),
    ADDRESSES("addresses", Kind.HASH, 1 << 13),
    MEMBERS("members", Kind.HASH, 1 << 20),
    NAMED("named", Kind.HASH, 1 << 20),
    BLOCKS4("blocks4", Kind.TRIE, 1 << 16),
    BLOCKS6("blocks6", Kind.TRIE, 1 << 16),
    PORTS("ports", Kind.TRIE, 1 << 18),
    VERDICTS("verdicts", Kind.HASH, 1 << 21);

    private enum Kind {
        HASH,
        TRIE
    }

    private static final int LEAST = 1 << 12;

    private final String map;
    private final Kind kind;
    private final int most;

    Table(String map, Kind kind, int most) {
        this.map = map;
        this.kind = kind;
        this.most = most;
    }

    /** The map's name in the eBPF object. */
    public String map() {
        return map;
    }

    /** The default maximum number of rows. */
    public int most() {
        return most;
    }

    /**
     * The number of rows that it is created for: the kernel reserves some bytes for each row of a hash map, and takes
     * time for it. It gets room for twice its rows, so that few changes find it full; then it is created again.
     *
     * @param rows the rows that it has at the beginning
     * @param limit the maximum
     */
    public int capacity(int rows, int limit) {
        if (kind == Kind.TRIE || rows > limit / 2) {
            return limit;
        }
        int wanted = Math.max(LEAST, 2 * rows);
        return Math.min(limit, Integer.highestOneBit(wanted - 1) << 1);
    }
}
