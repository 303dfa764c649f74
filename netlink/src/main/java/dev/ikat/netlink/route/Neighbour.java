package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * An entry of the neighbour table (ARP, RFC 826; neighbour discovery, RFC 4861): the link-layer address of an IP
 * address.
 *
 * @param interfaceIndex the link's index
 * @param address the neighbour's IP address
 * @param mac its link-layer address, empty while it is not known
 * @param state NUD_*, linux/neighbour.h
 * @param flags NTF_*, linux/neighbour.h
 */
public record Neighbour(int interfaceIndex, IpAddress address, Optional<MacAddress> mac, int state, int flags) {
    /** NUD_REACHABLE: confirmed recently. */
    public static final int REACHABLE = 0x02;
    /** NUD_STALE: confirmed some time ago. */
    public static final int STALE = 0x04;
    /** NUD_FAILED: it did not answer. */
    public static final int FAILED = 0x20;
    /** NUD_NOARP: it needs no resolution. */
    public static final int NOARP = 0x40;
    /** NUD_PERMANENT: set by an administrator or a program, never resolved, never aged. */
    public static final int PERMANENT = 0x80;

    /** An entry that is neither resolved nor aged. */
    public static Neighbour permanent(int interfaceIndex, IpAddress address, MacAddress mac) {
        return new Neighbour(interfaceIndex, address, Optional.of(mac), PERMANENT, 0);
    }

    /** Whether it is {@link #PERMANENT}. */
    public boolean isPermanent() {
        return (state & PERMANENT) != 0;
    }

    @Override
    public String toString() {
        return "neighbour " + address + mac.map(m -> " at " + m).orElse("") + " on link " + interfaceIndex;
    }
}
