package dev.ikat.netlink.wire;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.MalformedMessageException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Iterates over a sequence of attributes (struct nlattr, {@code linux/netlink.h}), and is a view of the current one. A
 * value is read only if the attribute has exactly that value's size, and nothing outside the sequence is read.
 */
public final class AttributeReader {
    private static final int NLA_TYPE_MASK = 0x3fff;

    private final ByteBuffer buffer;
    private final int end;
    private int next;
    private int payload;
    private int length;
    private int type;

    AttributeReader(ByteBuffer buffer, int start, int end) {
        this.buffer = buffer;
        this.next = start;
        this.end = end;
    }

    /** Moves on to the next attribute; false at the end of the sequence. */
    public boolean next() {
        if (next >= end) {
            return false;
        }
        if (end - next < MessageWriter.NLA_HDRLEN) {
            throw new MalformedMessageException(
                    "the attributes end with " + (end - next) + " bytes, which are too few for an attribute header");
        }
        int total = Short.toUnsignedInt(buffer.getShort(next));
        type = Short.toUnsignedInt(buffer.getShort(next + 2)) & NLA_TYPE_MASK;
        if (total < MessageWriter.NLA_HDRLEN || total > end - next) {
            throw new MalformedMessageException(
                    "nla_len of attribute " + type + " is " + total + ", but " + (end - next) + " bytes are left");
        }
        payload = next + MessageWriter.NLA_HDRLEN;
        length = total - MessageWriter.NLA_HDRLEN;
        next = Math.min(end, next + MessageReader.align(total));
        return true;
    }

    /** The type, without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
    public int type() {
        return type;
    }

    /** The length of the value in bytes. */
    public int length() {
        return length;
    }

    public int u8() {
        require(1);
        return Byte.toUnsignedInt(buffer.get(payload));
    }

    public int u16be() {
        return u16be(0, 2);
    }

    private int u16be(int offset, int size) {
        require(size);
        int high = Byte.toUnsignedInt(buffer.get(payload + offset));
        return high << 8 | Byte.toUnsignedInt(buffer.get(payload + offset + 1));
    }

    public int u32() {
        require(4);
        return buffer.getInt(payload);
    }

    public int u32be() {
        return u16be(0, 4) << 16 | u16be(2, 4);
    }

    public long u64be() {
        require(8);
        long value = 0;
        for (int i = 0; i < 8; i++) {
            value = value << 8 | Byte.toUnsignedLong(buffer.get(payload + i));
        }
        return value;
    }

    /** A field of a struct in the value; the struct may be longer than the part that is known here. */
    public int u8At(int offset) {
        return Byte.toUnsignedInt(buffer.get(fieldIndex(offset, 1)));
    }

    /** As {@link #u8At}. */
    public int u16At(int offset) {
        return Short.toUnsignedInt(buffer.getShort(fieldIndex(offset, 2)));
    }

    /** As {@link #u8At}. */
    public int u32At(int offset) {
        return buffer.getInt(fieldIndex(offset, 4));
    }

    private int fieldIndex(int offset, int size) {
        if (offset + size > length) {
            throw new MalformedMessageException(
                    "attribute " + type + " has " + length + " bytes, too few for the field at offset " + offset);
        }
        return payload + offset;
    }

    /** An address of either family, which its size determines. */
    public IpAddress address() {
        if (length != IpFamily.IPV4.byteLength() && length != IpFamily.IPV6.byteLength()) {
            throw wrongSize("4 or 16");
        }
        return IpAddress.of(bytes());
    }

    /** An address of this family. */
    public IpAddress address(IpFamily family) {
        require(family.byteLength());
        return IpAddress.of(bytes());
    }

    /** An address of this family at this offset in the value, in bytes. */
    public IpAddress addressAt(int offset, IpFamily family) {
        if (length != offset + family.byteLength()) {
            throw wrongSize(Integer.toString(offset + family.byteLength()));
        }
        byte[] address = new byte[family.byteLength()];
        buffer.get(payload + offset, address);
        return IpAddress.of(address);
    }

    /** Whether the value has the size of an IEEE 802 address; other link types have other ones. */
    public boolean isMac() {
        return length == 6;
    }

    public MacAddress mac() {
        require(6);
        return MacAddress.of(bytes());
    }

    /** Text up to its first zero byte or to the end of the value; if it is not UTF-8 it is read byte by byte. */
    public String string() {
        byte[] text = text();
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text))
                    .toString();
        } catch (CharacterCodingException e) {
            return new String(text, StandardCharsets.ISO_8859_1);
        }
    }

    /**
     * An interface's name. The kernel allows any bytes but a few; a name that is not UTF-8 gets a '?' for each byte
     * outside ASCII, so that one oddly named interface does not hide all others.
     */
    public InterfaceName interfaceName() {
        String name = string();
        try {
            return new InterfaceName(name);
        } catch (IllegalArgumentException notUtf8) {
            byte[] text = text();
            for (int i = 0; i < text.length; i++) {
                text[i] = text[i] < 0 ? (byte) '?' : text[i];
            }
            try {
                return new InterfaceName(new String(text, StandardCharsets.US_ASCII));
            } catch (IllegalArgumentException e) {
                throw new MalformedMessageException("attribute " + type + ": " + e.getMessage());
            }
        }
    }

    private byte[] text() {
        int size = 0;
        while (size < length && buffer.get(payload + size) != 0) {
            size++;
        }
        byte[] text = new byte[size];
        buffer.get(payload, text);
        return text;
    }

    public byte[] bytes() {
        byte[] value = new byte[length];
        buffer.get(payload, value);
        return value;
    }

    /** The attributes inside this one. */
    public AttributeReader nested() {
        return nested(0);
    }

    /** The attributes inside this one, after a struct of {@code skip} bytes. */
    public AttributeReader nested(int skip) {
        if (skip > length) {
            throw wrongSize("at least " + skip);
        }
        return new AttributeReader(
                buffer, Math.min(payload + MessageReader.align(skip), payload + length), payload + length);
    }

    /** The attributes from {@code from} to {@code to} of this one's value. */
    public AttributeReader nested(int from, int to) {
        if (from < 0 || from > to || to > length) {
            throw wrongSize("at least " + to);
        }
        return new AttributeReader(buffer, payload + from, payload + to);
    }

    private void require(int expected) {
        if (length != expected) {
            throw wrongSize(Integer.toString(expected));
        }
    }

    private MalformedMessageException wrongSize(String expected) {
        return new MalformedMessageException(
                "attribute " + type + " has a value of " + length + " bytes, not " + expected);
    }
}
