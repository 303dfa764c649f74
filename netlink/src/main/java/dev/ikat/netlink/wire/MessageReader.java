package dev.ikat.netlink.wire;

import dev.ikat.netlink.MalformedMessageException;
import java.nio.ByteBuffer;

/**
 * Iterates over the messages of one datagram, and is a view of the current one: its header fields, its body, its
 * attributes. It reads no byte outside the datagram and none of a message beyond the length that the message claims,
 * and each step moves on by at least a header, so it ends on every input.
 */
public final class MessageReader {
    static final int NLMSG_NOOP = 1;
    public static final int NLMSG_ERROR = 2;
    public static final int NLMSG_DONE = 3;
    static final int NLMSG_OVERRUN = 4;

    private final ByteBuffer datagram;
    private final int end;
    private int next;
    private int start;
    private int messageEnd;

    /**
     * @param datagram in native byte order; its position and limit are ignored
     * @param length the datagram's length in bytes, from index 0
     */
    public MessageReader(ByteBuffer datagram, int length) {
        this.datagram = datagram;
        this.end = length;
    }

    /** Moves on to the next message; false at the end of the datagram. */
    public boolean next() {
        if (next >= end) {
            return false;
        }
        if (end - next < MessageWriter.NLMSG_HDRLEN) {
            throw new MalformedMessageException(
                    "the datagram ends with " + (end - next) + " bytes, which are too few for a message header");
        }
        int length = datagram.getInt(next);
        if (length < MessageWriter.NLMSG_HDRLEN || length > end - next) {
            throw new MalformedMessageException("nlmsg_len is " + Integer.toUnsignedString(length) + " at offset "
                    + next + " of a datagram of " + end + " bytes");
        }
        start = next;
        messageEnd = start + length;
        next = Math.min(end, start + align(length));
        return true;
    }

    public int type() {
        return Short.toUnsignedInt(datagram.getShort(start + 4));
    }

    /** Whether the list that it belongs to changed meanwhile. */
    public boolean isInterrupted() {
        return (flags() & NetlinkSocket.NLM_F_DUMP_INTR) != 0;
    }

    int flags() {
        return Short.toUnsignedInt(datagram.getShort(start + 6));
    }

    public int sequence() {
        return datagram.getInt(start + 8);
    }

    public int port() {
        return datagram.getInt(start + 12);
    }

    /** Fails unless the body, after the message header, has at least this many bytes. */
    public void requireBody(String struct, int length) {
        if (bodyLength() < length) {
            throw new MalformedMessageException("message type " + type() + " has a body of " + bodyLength()
                    + " bytes, but struct " + struct + " has " + length);
        }
    }

    /** How many bytes follow the message header. */
    int bodyLength() {
        return messageEnd - start - MessageWriter.NLMSG_HDRLEN;
    }

    public int bodyU8(int offset) {
        return Byte.toUnsignedInt(datagram.get(bodyIndex(offset, 1)));
    }

    public int bodyU16(int offset) {
        return Short.toUnsignedInt(datagram.getShort(bodyIndex(offset, 2)));
    }

    public int bodyU32(int offset) {
        return datagram.getInt(bodyIndex(offset, 4));
    }

    private int bodyIndex(int offset, int length) {
        int index = start + MessageWriter.NLMSG_HDRLEN + offset;
        if (index + length > messageEnd) {
            throw new MalformedMessageException(
                    "message type " + type() + " ends before offset " + (offset + length) + " of its body");
        }
        return index;
    }

    /** The attributes that follow a body of {@code bodyLength} bytes; none if the body fills the message. */
    public AttributeReader attributes(int bodyLength) {
        int first = start + MessageWriter.NLMSG_HDRLEN + align(bodyLength);
        return new AttributeReader(datagram, Math.min(first, messageEnd), messageEnd);
    }

    public static int align(int length) {
        return (length + 3) & ~3;
    }
}
