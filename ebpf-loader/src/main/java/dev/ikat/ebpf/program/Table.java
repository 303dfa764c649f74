package dev.ikat.ebpf.program;

/** The maps that a policy program becomes rows of. */
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

    /** The most rows that it is made for where nobody says otherwise. */
    public int most() {
        return most;
    }

    /**
     * For how many rows it is made: of a hash the kernel sets aside some bytes for each, and takes time for it. With
     * room for as many again, few changes find it full; then it is made anew.
     *
     * @param rows that it is to have from the beginning
     * @param limit the most
     */
    public int capacity(int rows, int limit) {
        if (kind == Kind.TRIE || rows > limit / 2) {
            return limit;
        }
        int wanted = Math.max(LEAST, 2 * rows);
        return Math.min(limit, Integer.highestOneBit(wanted - 1) << 1);
    }
}
