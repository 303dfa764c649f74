package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * An entry of a forwarding database: the port of a bridge, or the remote tunnel end of a VXLAN link, at which a
 * link-layer address is reached. A VXLAN link's entry for 00:00:00:00:00:00 applies to frames whose address has no
 * entry.
 *
 * @param interfaceIndex the index of the VXLAN link or the bridge port
 * @param mac the link-layer address
 * @param destination the remote tunnel end; empty for a bridge's entry
 * @param state NUD_*, {@code linux/neighbour.h}, as in {@link Neighbour}
 * @param flags NTF_*, {@code linux/neighbour.h}
 */
public record FdbEntry(int interfaceIndex, MacAddress mac, Optional<IpAddress> destination, int state, int flags) {
    /** NTF_SELF: in the link's own table. */
    public static final int SELF = 0x02;
    /** NTF_MASTER: in the table of the bridge that the link is a port of. */
    public static final int MASTER = 0x04;

    /** An entry of a VXLAN link that does not age. */
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
