package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.wire.MessageWriter;

/** The header of every message of NETLINK_NETFILTER: struct nfgenmsg (linux/netfilter/nfnetlink.h). */
final class NetfilterMessage {
    static final int NFNL_SUBSYS_CTNETLINK = 1;
    static final int NFNL_SUBSYS_ULOG = 4;
    static final int NFNL_SUBSYS_NFTABLES = 10;

    /** Bytes of struct nfgenmsg. */
    static final int HEADER = 4;

    private static final int NFNETLINK_V0 = 0;

    private NetfilterMessage() {}

    /** The message type: which subsystem, and which of its messages. */
    static int type(int subsystem, int message) {
        return subsystem << 8 | message;
    }

    /**
     * @param family AF_*
     * @param resource what the subsystem takes it for, in network byte order
     */
    static MessageWriter nfgenmsg(MessageWriter message, int family, int resource) {
        return message.bodyU8(family).bodyU8(NFNETLINK_V0).bodyU16be(resource);
    }
}
