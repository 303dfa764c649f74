package dev.ikat.netlink.route;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.MacAddress;
import java.util.List;
import java.util.Optional;

/**
 * A network interface as the kernel describes it.
 *
 * @param index the interface index, positive; unique in its namespace and never reused while the link lives
 * @param name its name
 * @param kind the driver's name ({@code veth}, {@code bridge}, {@code vxlan}); empty for hardware and loopback
 * @param mac the link-layer address, empty for a link type without 48-bit addresses
 * @param mtu the size of the largest packet that it accepts, in bytes, without link-layer header
 * @param flags IFF_*, linux/if.h
 * @param operState whether it can carry packets
 * @param master the index of the bridge, bond or VRF that it is a port of
 * @param peerIndex IFLA_LINK: the index of a veth pair's other end, or of the link below a VXLAN or VLAN link
 * @param peerNamespaceId this namespace's identifier of the namespace that {@code peerIndex} is in; empty if it is this
 *     one
 * @param group the link group, 0 unless set
 * @param alias the free text that "ip link" shows as alias
 * @param addrGenMode how its IPv6 link-local address is generated; empty if IPv6 is off for it
 * @param vxlan its settings if it is a VXLAN link
 * @param settings its IP settings
 * @param alternativeNames its additional names (Linux 5.5), in the kernel's order
 */
public record Link(
        int index,
        InterfaceName name,
        Optional<String> kind,
        Optional<MacAddress> mac,
        int mtu,
        int flags,
        OperState operState,
        Optional<Integer> master,
        Optional<Integer> peerIndex,
        Optional<Integer> peerNamespaceId,
        int group,
        Optional<String> alias,
        Optional<AddrGenMode> addrGenMode,
        Optional<Vxlan> vxlan,
        LinkSettings settings,
        List<String> alternativeNames) {
    public Link {
        alternativeNames = List.copyOf(alternativeNames);
    }

    /** IFF_UP: set up by the administrator, which does not mean that it can carry packets. */
    public boolean isUp() {
        return (flags & LinkMessage.IFF_UP) != 0;
    }

    /** IFF_LOOPBACK: this is the namespace's {@code lo}. */
    public boolean isLoopback() {
        return (flags & LinkMessage.IFF_LOOPBACK) != 0;
    }

    /** IFF_NOARP: link-layer addresses of neighbours are neither asked for nor learned. */
    public boolean isNoArp() {
        return (flags & LinkMessage.IFF_NOARP) != 0;
    }

    /** IFF_POINTOPOINT: there is one other end, or none that is found by its address. */
    public boolean isPointToPoint() {
        return (flags & LinkMessage.IFF_POINTOPOINT) != 0;
    }

    /** Whether its driver is this one, as in {@code isKind("veth")}. */
    public boolean isKind(String driver) {
        return kind.filter(driver::equals).isPresent();
    }
}
