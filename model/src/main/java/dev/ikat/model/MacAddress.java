package dev.ikat.model;

import java.util.HexFormat;

/**
 * A 48-bit link-layer address (IEEE 802).
 *
 * @param bits the address in the lower 48 bits, its first byte the most significant
 */
public record MacAddress(long bits) {
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");

    public MacAddress {
        if (bits >>> 48 != 0) {
            throw new IllegalArgumentException("a link-layer address has 48 bits, not 0x" + Long.toHexString(bits));
        }
    }

    /**
     * Parses six two-digit hexadecimal bytes separated by colons, upper or lower case.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    public static MacAddress parse(String text) {
        try {
            return of(COLONS.parseHex(text));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "invalid link-layer address '" + text + "'; write it as in 0e:6b:0a:00:00:01", e);
        }
    }

    /**
     * Reads an address in transmission order.
     *
     * @throws IllegalArgumentException unless there are 6 bytes
     */
    public static MacAddress of(byte[] bytes) {
        if (bytes.length != 6) {
            throw new IllegalArgumentException("a link-layer address has 6 bytes, not " + bytes.length);
        }
        long bits = 0;
        for (byte b : bytes) {
            bits = (bits << 8) | (b & 0xff);
        }
        return new MacAddress(bits);
    }

    /** The address in transmission order: 6 bytes, a new array. */
    public byte[] toBytes() {
        byte[] bytes = new byte[6];
        for (int i = 0; i < 6; i++) {
            bytes[i] = (byte) (bits >>> (40 - 8 * i));
        }
        return bytes;
    }

    /** Lower case, separated by colons. */
    @Override
    public String toString() {
        return COLONS.formatHex(toBytes());
    }
}
