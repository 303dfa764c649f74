package dev.ikat.netlink.netfilter;

import dev.ikat.model.IpAddress;

/** The four addresses of a tracked connection, of which two are others only where somebody translated them. */
enum ConntrackEnd {
    /** Who opened it. */
    SENDER(false, true),
    /** Whom it was opened to. */
    CALLED(false, false),
    /** Who answers. */
    ANSWERER(true, true),
    /** Whom it is answered to. */
    ANSWERED(true, false);

    private final boolean reply;
    private final boolean source;

    ConntrackEnd(boolean reply, boolean source) {
        this.reply = reply;
        this.source = source;
    }

    /** Whether the tuple of the answers has it. */
    boolean isOfReply() {
        return reply;
    }

    /** Whether it is that tuple's source, and not its destination. */
    boolean isSource() {
        return source;
    }

    IpAddress of(ConntrackEntry entry) {
        ConntrackTuple tuple = reply ? entry.reply() : entry.original();
        return source ? tuple.source() : tuple.destination();
    }
}
