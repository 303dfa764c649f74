package dev.ikat.netlink.wire;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Request;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Writes one netlink message (struct nlmsghdr, struct nlattr: {@code linux/netlink.h}) from the top down: header, body,
 * attributes, nested attributes. It aligns every attribute's end and fills in every length, so that the message is well
 * formed whatever the order of calls.
 */
public final class MessageWriter {
    public static final int NLMSG_HDRLEN = 16;
    static final int NLA_HDRLEN = 4;
    public static final int NLA_F_NESTED = 1 << 15;

    private static final int ALIGN_TO = 4;
    private static final int MAX_ATTRIBUTE = 0xffff;

    private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

    MessageWriter(int type, int flags) {
        // Length, sequence number and port are filled in when they are known.
        buffer.putInt(0)
                .putShort((short) type)
                .putShort((short) flags)
                .putInt(0)
                .putInt(0);
    }

    /**
     * A request with one message.
     *
     * @param flags NLM_F_*, in addition to NLM_F_REQUEST
     */
    public static Request request(String verb, Object subject, int type, int flags, Consumer<MessageWriter> body) {
        MessageWriter message = new MessageWriter(type, NetlinkSocket.NLM_F_REQUEST | flags);
        body.accept(message);
        return Request.of(verb, subject, message.toBytes());
    }

    /** A request for all objects of a kind. */
    public static Request list(String what, int type, Consumer<MessageWriter> body) {
        return request("list", what, type, NetlinkSocket.NLM_F_DUMP, body);
    }

    public MessageWriter bodyU8(int value) {
        room(1).put((byte) value);
        return this;
    }

    public MessageWriter bodyU16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    public MessageWriter bodyU16be(int value) {
        room(2).put((byte) (value >>> 8)).put((byte) value);
        return this;
    }

    public MessageWriter bodyU32(int value) {
        room(4).putInt(value);
        return this;
    }

    public MessageWriter u8(int type, int value) {
        attribute(type, 1).put((byte) value);
        return align();
    }

    public MessageWriter u16be(int type, int value) {
        attribute(type, 2).put((byte) (value >>> 8)).put((byte) value);
        return align();
    }

    public MessageWriter u32(int type, int value) {
        attribute(type, 4).putInt(value);
        return this;
    }

    public MessageWriter u32be(int type, int value) {
        return bytes(
                type, new byte[] {(byte) (value >>> 24), (byte) (value >>> 16), (byte) (value >>> 8), (byte) value});
    }

    public MessageWriter address(int type, IpAddress address) {
        return bytes(type, address.toBytes());
    }

    public MessageWriter mac(int type, MacAddress mac) {
        return bytes(type, mac.toBytes());
    }

    /** A string with its terminating zero, NLA_NUL_STRING. */
    public MessageWriter string(int type, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        attribute(type, text.length + 1).put(text).put((byte) 0);
        return align();
    }

    /** Bytes as they are. */
    public MessageWriter bytes(int type, byte[] value) {
        attribute(type, value.length).put(value);
        return align();
    }

    /** An attribute that contains what {@code content} writes: a body or attributes. */
    public MessageWriter nested(int type, Consumer<MessageWriter> content) {
        int start = attribute(type | NLA_F_NESTED, 0).position() - NLA_HDRLEN;
        content.accept(this);
        int length = buffer.position() - start;
        if (length > MAX_ATTRIBUTE) {
            throw new IllegalArgumentException("attribute " + type + " would have " + length
                    + " bytes, more than the maximum of " + MAX_ATTRIBUTE);
        }
        buffer.putShort(start, (short) length);
        return align();
    }

    /** Struct rtnexthop and the like: a record that begins with its own length, u16, and is not an attribute. */
    public MessageWriter lengthPrefixed(Consumer<MessageWriter> content) {
        int start = room(2).position();
        buffer.putShort((short) 0);
        content.accept(this);
        buffer.putShort(start, (short) (buffer.position() - start));
        return this;
    }

    /** The message, its length filled in. */
    byte[] toBytes() {
        buffer.putInt(0, buffer.position());
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private ByteBuffer attribute(int type, int length) {
        return room(NLA_HDRLEN + length + ALIGN_TO)
                .putShort((short) (NLA_HDRLEN + length))
                .putShort((short) type);
    }

    private MessageWriter align() {
        while (buffer.position() % ALIGN_TO != 0) {
            buffer.put((byte) 0);
        }
        return this;
    }

    private ByteBuffer room(int bytes) {
        if (buffer.remaining() < bytes) {
            int capacity = Math.max(buffer.capacity() * 2, buffer.position() + bytes);
            buffer =
                    ByteBuffer.allocate(capacity).order(ByteOrder.nativeOrder()).put(buffer.flip());
        }
        return buffer;
    }
}
