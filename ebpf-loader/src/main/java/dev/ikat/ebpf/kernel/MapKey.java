package dev.ikat.ebpf.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A key of a map, as the kernel compares it. Buffers could be keys too, but their hash codes collide for the addresses
 * of one block, and such tables have tens of thousands of rows.
 */
public final class MapKey {
    /** The 64-bit golden ratio, of which multiplication spreads bits (Knuth, TAOCP 6.4). */
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    private final byte[] bytes;
    private final int hash;

    private MapKey(byte[] bytes) {
        this.bytes = bytes;
        long mixed = bytes.length;
        for (byte each : bytes) {
            mixed = (mixed ^ Byte.toUnsignedLong(each)) * SPREAD;
            mixed ^= mixed >>> 32;
        }
        this.hash = (int) mixed;
    }

    /** These bytes, which nobody may change any more. */
    static MapKey owning(byte[] bytes) {
        return new MapKey(bytes);
    }

    /** What remains in the buffer, which is not read up. */
    static MapKey of(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(buffer.position(), bytes);
        return new MapKey(bytes);
    }

    /** A buffer's content, wherever it is read. */
    public static MapKey copyOf(ByteBuffer buffer) {
        return of(buffer.duplicate().rewind());
    }

    int length() {
        return bytes.length;
    }

    /** A buffer to read from, in the machine's byte order. */
    public ByteBuffer buffer() {
        return ByteBuffer.wrap(bytes).asReadOnlyBuffer().order(ByteOrder.nativeOrder());
    }

    void putInto(ByteBuffer buffer) {
        buffer.put(bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MapKey key && hash == key.hash && Arrays.equals(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes);
    }
}
