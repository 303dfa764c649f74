package dev.ikat.ebpf.program;

import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.netlink.Errno;

/** A table has no room for what a transaction adds to it; the transaction has changed nothing. */
public final class TableFullException extends BpfException {
    private static final long serialVersionUID = 1;

    private final Table table;
    private final int capacity;

    TableFullException(Table table, int capacity) {
        super(
                "the eBPF table " + table.map() + " is full with " + capacity
                        + " rows; ebpf-table-limits says how many it may have",
                Errno.E2BIG);
        this.table = table;
        this.capacity = capacity;
    }

    public Table table() {
        return table;
    }

    /** For how many elements it was made. */
    public int capacity() {
        return capacity;
    }
}
