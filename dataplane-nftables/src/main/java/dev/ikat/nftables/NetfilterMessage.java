package dev.ikat.nftables;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Builds messages of nf_tables (linux/netfilter/nf_tables.h) one after the other: header, {@code nfgenmsg}, attributes.
 * Only what libnftables has no words for, or takes too long over.
 */
final class NetfilterMessage {
    static final int NLMSG_HEADER = 16;
    static final int NFGENMSG = 4;

    /** {@code linux/netlink.h}. */
    static final int NLMSG_ERROR = 2;

    static final int NLM_F_REQUEST = 1;
    static final int NLM_F_ACK = 4;
    static final int NLM_F_CREATE = 0x400;
    private static final int NLA_F_NESTED = 1 << 15;

    /** {@code linux/netfilter/nfnetlink.h}. */
    static final int NFNL_MSG_BATCH_BEGIN = 16;

    static final int NFNL_MSG_BATCH_END = 17;
    static final int NFNL_SUBSYS_NFTABLES = 10;

    static final int NFT_MSG_NEWTABLE = 0;
    static final int NFT_MSG_GETTABLE = 1;
    static final int NFT_MSG_NEWSETELEM = 12;
    static final int NFT_MSG_DELSETELEM = 14;

    static final int NFTA_TABLE_NAME = 1;
    static final int NFTA_TABLE_FLAGS = 2;
    static final int NFTA_TABLE_OWNER = 7;

    private static final int NFPROTO_INET = 1;

    private ByteBuffer buffer = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());
    private int messageStart;
    private int sequence;

    /** What was built. */
    byte[] bytes() {
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }

    int size() {
        return buffer.position();
    }

    /** The sequence number of the last message. */
    int lastSequence() {
        return sequence;
    }

    NetfilterMessage batchBegin() {
        return message(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES).end();
    }

    NetfilterMessage batchEnd() {
        return message(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES).end();
    }

    /** Begins a message about the family {@code inet}. */
    NetfilterMessage begin(int message, int flags) {
        return message(NFNL_SUBSYS_NFTABLES << 8 | message, flags, NFPROTO_INET, 0);
    }

    private NetfilterMessage message(int type, int flags, int family, int resource) {
        reserve(NLMSG_HEADER + NFGENMSG);
        messageStart = buffer.position();
        sequence++;
        buffer.putInt(0)
                .putShort((short) type)
                .putShort((short) (flags | NLM_F_REQUEST))
                .putInt(sequence)
                .putInt(0);
        buffer.put((byte) family).put((byte) 0);
        // The resource number alone is in network order.
        buffer.put((byte) (resource >> 8)).put((byte) resource);
        return this;
    }

    /** Ends the message that was begun. */
    NetfilterMessage end() {
        buffer.putInt(messageStart, buffer.position() - messageStart);
        return this;
    }

    NetfilterMessage text(int attribute, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.US_ASCII);
        return attribute(attribute, bytes, bytes.length + 1);
    }

    /** A number in network order, as nf_tables wants all of them. */
    NetfilterMessage number(int attribute, int value) {
        return attribute(attribute, ByteBuffer.allocate(4).putInt(value).array(), 4);
    }

    NetfilterMessage data(int attribute, byte[] value) {
        return attribute(attribute, value, value.length);
    }

    private NetfilterMessage attribute(int attribute, byte[] value, int length) {
        int padded = length + 3 & ~3;
        reserve(4 + padded);
        buffer.putShort((short) (4 + length)).putShort((short) attribute).put(value);
        for (int i = value.length; i < padded; i++) {
            buffer.put((byte) 0);
        }
        return this;
    }

    /** Begins a nested attribute and returns where, for {@link #endNested}. */
    int nested(int attribute) {
        reserve(4);
        int start = buffer.position();
        buffer.putShort((short) 0).putShort((short) (attribute | NLA_F_NESTED));
        return start;
    }

    NetfilterMessage endNested(int start) {
        buffer.putShort(start, (short) (buffer.position() - start));
        return this;
    }

    private void reserve(int bytes) {
        if (buffer.remaining() < bytes) {
            ByteBuffer larger = ByteBuffer.allocate(Math.max(buffer.capacity() * 2, buffer.position() + bytes))
                    .order(ByteOrder.nativeOrder());
            buffer.flip();
            larger.put(buffer);
            buffer = larger;
        }
    }
}
