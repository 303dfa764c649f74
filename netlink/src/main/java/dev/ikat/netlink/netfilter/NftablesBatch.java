package dev.ikat.netlink.netfilter;

import dev.ikat.netlink.wire.MessageWriter;
import dev.ikat.netlink.wire.NetlinkSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A transaction of nf_tables ({@code linux/netfilter/nf_tables.h}), built message by message: header, {@code nfgenmsg},
 * attributes. Unlike {@link MessageWriter} it nests without a lambda for each attribute, because a transaction has many
 * thousands of them, and writes numbers in network byte order only, as nf_tables expects.
 */
public final class NftablesBatch {
    /** {@code linux/netfilter/nfnetlink.h}. */
    private static final int NFNL_MSG_BATCH_BEGIN = 16;

    private static final int NFNL_MSG_BATCH_END = 17;

    public static final int NFT_MSG_NEWTABLE = 0;
    public static final int NFT_MSG_GETTABLE = 1;
    public static final int NFT_MSG_NEWCHAIN = 3;
    public static final int NFT_MSG_DELCHAIN = 5;
    public static final int NFT_MSG_NEWRULE = 6;
    public static final int NFT_MSG_DELRULE = 8;
    public static final int NFT_MSG_NEWSET = 9;
    public static final int NFT_MSG_DELSET = 11;
    public static final int NFT_MSG_NEWSETELEM = 12;
    public static final int NFT_MSG_DELSETELEM = 14;

    public static final int NFTA_TABLE_NAME = 1;
    public static final int NFTA_TABLE_FLAGS = 2;
    static final int NFTA_TABLE_OWNER = 7;

    private static final int NFPROTO_INET = 1;

    private ByteBuffer buffer = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());
    private int messageStart;
    private int sequence;

    /** A transaction without messages. */
    public NftablesBatch() {}

    /** What was built. */
    byte[] bytes() {
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }

    /** The size so far, in bytes. */
    public int size() {
        return buffer.position();
    }

    /** The sequence number of the last message. */
    int lastSequence() {
        return sequence;
    }

    /** Begins the transaction. */
    public NftablesBatch batchBegin() {
        return message(NFNL_MSG_BATCH_BEGIN, 0, 0, NetfilterMessage.NFNL_SUBSYS_NFTABLES)
                .end();
    }

    /** Ends the transaction. */
    public NftablesBatch batchEnd() {
        return message(NFNL_MSG_BATCH_END, 0, 0, NetfilterMessage.NFNL_SUBSYS_NFTABLES)
                .end();
    }

    /**
     * Begins a message about the family {@code inet}.
     *
     * @param message NFT_MSG_*
     * @param acknowledged whether the kernel is to answer it
     * @param create whether it creates the object if it does not exist
     */
    public NftablesBatch begin(int message, boolean acknowledged, boolean create) {
        int flags = (acknowledged ? NetlinkSocket.NLM_F_ACK : 0) | (create ? NetlinkSocket.NLM_F_CREATE : 0);
        return message(NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, message), flags, NFPROTO_INET, 0);
    }

    /** Begins a message that puts something behind what is there, such as a rule at the end of its chain. */
    public NftablesBatch beginAppended(int message) {
        int flags = NetlinkSocket.NLM_F_CREATE | NetlinkSocket.NLM_F_APPEND;
        return message(NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, message), flags, NFPROTO_INET, 0);
    }

    /** Begins a request for a list. */
    NftablesBatch beginDump(int message) {
        return message(
                NetfilterMessage.type(NetfilterMessage.NFNL_SUBSYS_NFTABLES, message),
                NetlinkSocket.NLM_F_DUMP,
                NFPROTO_INET,
                0);
    }

    /** Has the kernel answer the last message, for all: it reports each failure unasked. */
    public NftablesBatch acknowledgeLast() {
        int flags = buffer.getShort(messageStart + 6) | NetlinkSocket.NLM_F_ACK;
        buffer.putShort(messageStart + 6, (short) flags);
        return this;
    }

    private NftablesBatch message(int type, int flags, int family, int resource) {
        reserve(MessageWriter.NLMSG_HDRLEN + NetfilterMessage.HEADER);
        messageStart = buffer.position();
        sequence++;
        buffer.putInt(0)
                .putShort((short) type)
                .putShort((short) (flags | NetlinkSocket.NLM_F_REQUEST))
                .putInt(sequence)
                .putInt(0);
        buffer.put((byte) family).put((byte) 0);
        // The resource number alone is in network order.
        buffer.put((byte) (resource >> 8)).put((byte) resource);
        return this;
    }

    /** Ends the message that was begun. */
    public NftablesBatch end() {
        buffer.putInt(messageStart, buffer.position() - messageStart);
        return this;
    }

    /** A name, with its terminating zero. */
    public NftablesBatch text(int attribute, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.US_ASCII);
        return attribute(attribute, bytes, bytes.length + 1);
    }

    /** A number in network byte order, as nf_tables expects. */
    public NftablesBatch number(int attribute, int value) {
        return attribute(attribute, ByteBuffer.allocate(4).putInt(value).array(), 4);
    }

    /** A number of 64 bits in network byte order. */
    public NftablesBatch longNumber(int attribute, long value) {
        return attribute(attribute, ByteBuffer.allocate(8).putLong(value).array(), 8);
    }

    /** Bytes as they are. */
    public NftablesBatch data(int attribute, byte[] value) {
        return attribute(attribute, value, value.length);
    }

    private NftablesBatch attribute(int attribute, byte[] value, int length) {
        int padded = length + 3 & ~3;
        reserve(4 + padded);
        buffer.putShort((short) (4 + length)).putShort((short) attribute).put(value);
        for (int i = value.length; i < padded; i++) {
            buffer.put((byte) 0);
        }
        return this;
    }

    /** Begins a nested attribute and returns its position, for {@link #endNested}. */
    public int nested(int attribute) {
        reserve(4);
        int start = buffer.position();
        buffer.putShort((short) 0).putShort((short) (attribute | MessageWriter.NLA_F_NESTED));
        return start;
    }

    /** Ends the attribute that began at that position. */
    public NftablesBatch endNested(int start) {
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
