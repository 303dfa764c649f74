package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * An entry of a forwarding database: behind which port of a bridge, or which remote tunnel end of a VXLAN, a link-layer
 * address is. A VXLAN's entry for 00:00:00:00:00:00 says where frames go whose address has no entry.
 *
 * @param interfaceIndex the VXLAN's index, or the bridge port's
 * @param mac the link-layer address
 * @param destination the remote tunnel end; empty for a bridge's entry
 * @param state NUD_*, linux/neighbour.h, as in {@link Neighbour}
 * @param flags NTF_*, linux/neighbour.h
 */
public record FdbEntry(int interfaceIndex, MacAddress mac, Optional<IpAddress> destination, int state, int flags) {
    /** NTF_SELF: in the device's own table. */
    public static final int SELF = 0x02;
    /** NTF_MASTER: in the table of the bridge that the device is a port of. */
    public static final int MASTER = 0x04;

    /** A VXLAN's entry that does not age. */
    public static FdbEntry permanent(int interfaceIndex, MacAddress mac, IpAddress destination) {
        return new FdbEntry(interfaceIndex, mac, Optional.of(destination), Neighbour.PERMANENT, SELF);
    }

    /** Whether it does not age: NUD_PERMANENT. */
    public boolean isPermanent() {
        return (state & Neighbour.PERMANENT) != 0;
    }

    @Override
    public String toString() {
        return "fdb " + mac + destination.map(d -> " to " + d).orElse("") + " on link " + interfaceIndex;
    }
}
