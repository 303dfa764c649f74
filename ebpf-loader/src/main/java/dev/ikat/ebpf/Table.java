package dev.ikat.ebpf;

/** The maps that a policy program becomes rows of. */
enum Table {
    INTERFACES("interfaces", true),
    ADDRESSES("addresses", true),
    MEMBERS("members", true),
    NAMED("named", true),
    BLOCKS4("blocks4", true),
    BLOCKS6("blocks6", true),
    PORTS("ports", false),
    VERDICTS("verdicts", false);

    private final String map;
    private final boolean root;

    Table(String map, boolean root) {
        this.map = map;
        this.root = root;
    }

    /** The map's name in the eBPF object. */
    String map() {
        return map;
    }

    /** Whether its rows have two versions. */
    boolean isRoot() {
        return root;
    }
}
