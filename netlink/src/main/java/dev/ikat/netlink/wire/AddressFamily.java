package dev.ikat.netlink.wire;

import dev.ikat.model.IpFamily;
import java.util.Optional;

/**
 * Address families as messages name them ({@code linux/socket.h} in the kernel, {@code bits/socket.h} in the C
 * library).
 */
public final class AddressFamily {
    public static final int AF_UNSPEC = 0;
    public static final int AF_INET = 2;
    public static final int AF_BRIDGE = 7;
    public static final int AF_INET6 = 10;
    public static final int AF_NETLINK = 16;
    public static final int AF_PACKET = 17;

    private AddressFamily() {}

    public static int of(IpFamily family) {
        return switch (family) {
            case IPV4 -> AF_INET;
            case IPV6 -> AF_INET6;
        };
    }

    /** Empty for the families that are not IP: bridge, MPLS, multicast routing. */
    public static Optional<IpFamily> toIp(int family) {
        return switch (family) {
            case AF_INET -> Optional.of(IpFamily.IPV4);
            case AF_INET6 -> Optional.of(IpFamily.IPV6);
            default -> Optional.empty();
        };
    }
}
