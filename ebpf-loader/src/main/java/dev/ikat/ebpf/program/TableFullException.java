package dev.ikat.ebpf.program;

import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.netlink.Errno;

/** A table has no room for the rows that a transaction adds; the transaction has changed nothing. */
public final class TableFullException extends BpfException {
    private static final long serialVersionUID = 1;

    private final Table table;
    private final int capacity;

    TableFullException(Table table, int capacity) {
        super(
                "the eBPF table " + table.map() + " is full: it has " + capacity
                        + " rows; the setting ebpf-table-limits raises its maximum",
                Errno.E2BIG);
        this.table = table;
        this.capacity = capacity;
    }

    public Table table() {
        return table;
    }

    /** The number of elements that it was created for. */
    public int capacity() {
        return capacity;
    }
}
