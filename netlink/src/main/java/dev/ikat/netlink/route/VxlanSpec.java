package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import java.util.Optional;

/**
 * A VXLAN tunnel end without multicast group (RFC 7348): only {@link FdbEntry forwarding entries} decide where a frame
 * goes.
 *
 * @param name its name
 * @param vni the VXLAN network identifier, 0 to 2^24 - 1
 * @param port the UDP destination port, 1 to 65535
 * @param local the source address of the outer packets, chosen by routing if empty
 * @param underlay the index of the link that the outer packets leave by, chosen by routing if empty
 * @param mac its link-layer address, random if empty
 * @param mtu in bytes; if empty the kernel derives it from the underlay
 * @param learning whether to learn forwarding entries from received packets
 */
public record VxlanSpec(
        InterfaceName name,
        int vni,
        int port,
        Optional<IpAddress> local,
        Optional<Integer> underlay,
        Optional<MacAddress> mac,
        Optional<Integer> mtu,
        boolean learning)
        implements LinkSpec {

    public VxlanSpec {
        if (vni >>> 24 != 0) {
            throw new IllegalArgumentException("a VXLAN network identifier has at most 24 bits; invalid: " + vni);
        }
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("a UDP port has to be 1 to 65535; invalid: " + port);
        }
    }

    /** A tunnel end that does not learn; the kernel chooses everything else. */
    public static VxlanSpec of(InterfaceName name, int vni, int port) {
        return new VxlanSpec(
                name, vni, port, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), false);
    }

    /** The same with this source address of the outer packets. */
    public VxlanSpec local(IpAddress address) {
        return new VxlanSpec(name, vni, port, Optional.of(address), underlay, mac, mtu, learning);
    }

    /** The same with outer packets that leave by this link only. */
    public VxlanSpec underlay(int linkIndex) {
        return new VxlanSpec(name, vni, port, local, Optional.of(linkIndex), mac, mtu, learning);
    }

    /** The same with this link-layer address. */
    public VxlanSpec mac(MacAddress address) {
        return new VxlanSpec(name, vni, port, local, underlay, Optional.of(address), mtu, learning);
    }

    /** The same with this MTU, in bytes. */
    public VxlanSpec mtu(int bytes) {
        return new VxlanSpec(name, vni, port, local, underlay, mac, Optional.of(bytes), learning);
    }

    @Override
    public String toString() {
        return "vxlan " + name + " vni " + vni + " port " + port
                + local.map(a -> " local " + a).orElse("")
                + underlay.map(i -> " over link " + i).orElse("");
    }
}
