package dev.ikat.netlink.packet;

import dev.ikat.model.MacAddress;
import java.nio.ByteBuffer;

/** Link-layer addresses in packets. */
final class Stations {
    /** The bit of an address that stands for several stations (IEEE 802). */
    private static final long GROUP = 1L << 40;

    private Stations() {}

    /** The next six bytes. */
    static MacAddress read(ByteBuffer in) {
        byte[] bytes = new byte[6];
        in.get(bytes);
        return MacAddress.of(bytes);
    }

    /** Whether this is the address of a single station. */
    static boolean isOne(MacAddress mac) {
        return mac.bits() != 0 && (mac.bits() & GROUP) == 0;
    }
}
