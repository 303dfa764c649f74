package dev.ikat.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * An IPv4 or IPv6 address as an unsigned 128-bit number, which makes arithmetic on ranges possible.
 *
 * <p>An IPv4 address has {@code high == 0} and its 32 bits in the lower half of {@code low}. An IPv4-mapped IPv6
 * address stays IPv6: the kernel and the CNI keep the families apart, and so does this type.
 *
 * @param family the address family
 * @param high the upper 64 bits, 0 for IPv4
 * @param low the lower 64 bits
 */
public record IpAddress(IpFamily family, long high, long low) implements Comparable<IpAddress> {
    private static final long IPV4_MASK = 0xffff_ffffL;
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    public IpAddress {
        Objects.requireNonNull(family, "family");
        if (family == IpFamily.IPV4 && (high != 0 || (low & ~IPV4_MASK) != 0)) {
            throw new IllegalArgumentException("an IPv4 address has 32 bits, not 0x%x%016x".formatted(high, low));
        }
    }

    /**
     * Parses a literal: dotted decimal with four parts, or RFC 4291 text form without a zone.
     *
     * @throws IllegalArgumentException if the text is not an address literal; names are never resolved
     */
    public static IpAddress parse(String text) {
        return text.indexOf(':') >= 0 ? parseV6(text) : parseV4(text);
    }

    private static IpAddress parseV4(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length != 4) {
            throw notAnAddress(text);
        }
        long value = 0;
        for (String part : parts) {
            // A leading zero is refused: some parsers read it as octal (RFC 6943, section 3.1.1).
            boolean digits =
                    !part.isEmpty() && part.length() <= 3 && part.chars().allMatch(c -> c >= '0' && c <= '9');
            if (!digits || (part.length() > 1 && part.charAt(0) == '0') || Integer.parseInt(part) > 255) {
                throw notAnAddress(text);
            }
            value = (value << 8) | Integer.parseInt(part);
        }
        return new IpAddress(IpFamily.IPV4, 0, value);
    }

    private static IpAddress parseV6(String text) {
        if (text.indexOf('%') >= 0 || text.indexOf('[') >= 0) {
            throw notAnAddress(text);
        }
        try {
            byte[] bytes = InetAddress.ofLiteral(text).getAddress();
            if (bytes.length == 4) {
                // The JDK turns ::ffff:a.b.c.d into an IPv4 address; the text said IPv6.
                return new IpAddress(
                        IpFamily.IPV6,
                        0,
                        0xffff_0000_0000L | (ByteBuffer.wrap(bytes).getInt() & IPV4_MASK));
            }
            return of(bytes);
        } catch (IllegalArgumentException e) {
            throw notAnAddress(text);
        }
    }

    private static IllegalArgumentException notAnAddress(String text) {
        return new IllegalArgumentException("invalid IP address '" + text + "'");
    }

    /**
     * Reads an address in network byte order.
     *
     * @throws IllegalArgumentException unless there are 4 or 16 bytes
     */
    public static IpAddress of(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return switch (bytes.length) {
            case 4 -> v4(buffer.getInt());
            case 16 -> new IpAddress(IpFamily.IPV6, buffer.getLong(), buffer.getLong());
            default -> throw new IllegalArgumentException("an IP address has 4 or 16 bytes, not " + bytes.length);
        };
    }

    /** The IPv4 address with these 32 bits, most significant byte first. */
    public static IpAddress v4(int bits) {
        return new IpAddress(IpFamily.IPV4, 0, bits & IPV4_MASK);
    }

    /** The address in network byte order: 4 or 16 bytes, a new array. */
    public byte[] toBytes() {
        byte[] bytes = new byte[family.byteLength()];
        switch (family) {
            case IPV4 -> INT.set(bytes, 0, (int) low);
            case IPV6 -> {
                LONG.set(bytes, 0, high);
                LONG.set(bytes, Long.BYTES, low);
            }
        }
        return bytes;
    }

    /** This address as the JDK's type. */
    public InetAddress toInetAddress() {
        try {
            return InetAddress.getByAddress(toBytes());
        } catch (UnknownHostException e) {
            throw new IllegalStateException("an address has 4 or 16 bytes", e);
        }
    }

    /**
     * The address that is {@code offset} after this one.
     *
     * @param offset the distance, unsigned
     * @throws ArithmeticException if that is past the last address of the family
     */
    public IpAddress plus(long offset) {
        long newLow = low + offset;
        boolean carry = Long.compareUnsigned(newLow, low) < 0;
        if (family == IpFamily.IPV4) {
            if (carry || (newLow & ~IPV4_MASK) != 0) {
                throw new ArithmeticException(
                        this + " + " + Long.toUnsignedString(offset) + " is past the last address");
            }
            return new IpAddress(family, 0, newLow);
        }
        if (carry && high == -1) {
            throw new ArithmeticException(this + " + " + Long.toUnsignedString(offset) + " is past the last address");
        }
        return new IpAddress(family, carry ? high + 1 : high, newLow);
    }

    /** The address after this one. */
    public IpAddress next() {
        return plus(1);
    }

    /**
     * The address before this one.
     *
     * @throws ArithmeticException if this is the first of its family
     */
    public IpAddress previous() {
        if (isUnspecified()) {
            throw new ArithmeticException(this + " is the first address");
        }
        return new IpAddress(family, low == 0 ? high - 1 : high, low - 1);
    }

    /**
     * The distance from {@code start} to this address, unsigned; {@code -1} (2^64 - 1) if it is that large or larger.
     *
     * @throws IllegalArgumentException if {@code start} is of the other family or comes after this address
     */
    public long distanceFrom(IpAddress start) {
        if (family != start.family || compareTo(start) < 0) {
            throw new IllegalArgumentException(this + " does not follow " + start);
        }
        long newHigh = high - start.high - (Long.compareUnsigned(low, start.low) < 0 ? 1 : 0);
        return newHigh == 0 ? low - start.low : -1;
    }

    /** Whether this is 0.0.0.0 or ::. */
    public boolean isUnspecified() {
        return high == 0 && low == 0;
    }

    /** Whether this is in 127.0.0.0/8 (RFC 1122) or is ::1 (RFC 4291). */
    public boolean isLoopback() {
        return switch (family) {
            case IPV4 -> low >>> 24 == 127;
            case IPV6 -> high == 0 && low == 1;
        };
    }

    /** Whether this is in 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291). */
    public boolean isMulticast() {
        return switch (family) {
            case IPV4 -> low >>> 28 == 0xe;
            case IPV6 -> high >>> 56 == 0xff;
        };
    }

    /** Whether this is in 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291). */
    public boolean isLinkLocal() {
        return switch (family) {
            case IPV4 -> low >>> 16 == 0xa9fe;
            case IPV6 -> high >>> 54 == 0xfe80 >>> 6;
        };
    }

    /** Spreads neighbouring blocks of any size over a hash table, which a record's default hash code does not. */
    @Override
    public int hashCode() {
        // By the 64-bit golden ratio, of which multiplication spreads bits (Knuth, TAOCP 6.4).
        long mixed = (high * 31 + low) * 0x9e3779b97f4a7c15L;
        return (int) (mixed ^ (mixed >>> 32));
    }

    /** IPv4 before IPv6, then by value. */
    @Override
    public int compareTo(IpAddress other) {
        int byFamily = family.compareTo(other.family);
        if (byFamily != 0) {
            return byFamily;
        }
        int byHigh = Long.compareUnsigned(high, other.high);
        return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
    }

    /** Dotted decimal, or the canonical text form of RFC 5952. */
    @Override
    public String toString() {
        if (family == IpFamily.IPV4) {
            return (low >>> 24) + "." + (low >>> 16 & 0xff) + "." + (low >>> 8 & 0xff) + "." + (low & 0xff);
        }
        if (high == 0 && low >>> 32 == 0xffff) {
            return "::ffff:" + v4((int) low);
        }
        int zerosStart = -1;
        int zerosLength = 1; // a single zero group is not shortened
        for (int i = 0; i < 8; i++) {
            int length = 0;
            while (i + length < 8 && group(i + length) == 0) {
                length++;
            }
            if (length > zerosLength) {
                zerosStart = i;
                zerosLength = length;
            }
            i += length;
        }
        StringBuilder text = new StringBuilder(39);
        for (int i = 0; i < 8; i++) {
            if (i == zerosStart) {
                text.append("::");
                i += zerosLength - 1;
            } else {
                if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
                    text.append(':');
                }
                text.append(Integer.toHexString(group(i)));
            }
        }
        return text.toString();
    }

    private int group(int index) {
        long half = index < 4 ? high : low;
        return (int) (half >>> (48 - (index & 3) * 16)) & 0xffff;
    }
}
