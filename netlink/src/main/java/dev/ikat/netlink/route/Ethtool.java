package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.AddressFamily;
import dev.ikat.netlink.wire.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;

/**
 * What a network card or driver computes itself ({@code linux/ethtool.h}), in the calling thread's network namespace.
 *
 * <p>Some combinations of kernel and network card corrupt the checksums of VXLAN packets. If transmit checksum offload
 * is off for the VXLAN link, the kernel computes them before it encapsulates, in packets of the MTU's size.
 */
public final class Ethtool {
    private static final int SOCK_DGRAM_CLOEXEC = 0x80002;

    /** {@code linux/sockios.h}. */
    private static final long SIOCETHTOOL = 0x8946;

    private static final int ETHTOOL_GTXCSUM = 0x16;
    private static final int ETHTOOL_STXCSUM = 0x17;

    /** Struct ifreq, linux/if.h: the name, and a union of 24 bytes of which only ifr_data is used. */
    private static final StructLayout IFREQ = MemoryLayout.structLayout(
            MemoryLayout.sequenceLayout(16, ValueLayout.JAVA_BYTE).withName("ifr_name"),
            ValueLayout.ADDRESS.withName("ifr_data"),
            MemoryLayout.paddingLayout(16));

    private static final long IFR_DATA = IFREQ.byteOffset(MemoryLayout.PathElement.groupElement("ifr_data"));

    private static final StructLayout ETHTOOL_VALUE =
            MemoryLayout.structLayout(ValueLayout.JAVA_INT.withName("cmd"), ValueLayout.JAVA_INT.withName("data"));

    private static final long DATA = ETHTOOL_VALUE.byteOffset(MemoryLayout.PathElement.groupElement("data"));

    private Ethtool() {}

    /**
     * Whether the device computes the checksums of the packets that it sends.
     *
     * @throws NetlinkException ENODEV if there is no such link
     */
    public static boolean txChecksumOffload(InterfaceName name) {
        return value("read transmit checksum offload of " + name, name, ETHTOOL_GTXCSUM, 0) != 0;
    }

    /**
     * Chooses whether the device or the kernel computes the checksums of the packets that the device sends.
     *
     * @throws NetlinkException ENODEV if there is no such link, EOPNOTSUPP if the device can't change it
     */
    public static void setTxChecksumOffload(InterfaceName name, boolean on) {
        int _ = value(
                "turn transmit checksum offload of " + name + (on ? " on" : " off"), name, ETHTOOL_STXCSUM, on ? 1 : 0);
    }

    private static int value(String attempt, InterfaceName name, int command, int data) {
        int socket = Libc.socket(AddressFamily.AF_INET, SOCK_DGRAM_CLOEXEC, 0);
        if (socket < 0) {
            throw new NetlinkException(attempt + ": open a socket", -socket);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ETHTOOL_VALUE);
            value.set(ValueLayout.JAVA_INT, 0, command);
            value.set(ValueLayout.JAVA_INT, DATA, data);
            MemorySegment request = arena.allocate(IFREQ);
            request.setString(0, name.value());
            request.set(ValueLayout.ADDRESS, IFR_DATA, value);
            int result = Libc.ioctl(socket, SIOCETHTOOL, request);
            if (result < 0) {
                throw new NetlinkException(attempt, -result);
            }
            return value.get(ValueLayout.JAVA_INT, DATA);
        } finally {
            Libc.close(socket);
        }
    }
}
