package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/**
 * The settings of a VXLAN link (IFLA_VXLAN_*, {@code linux/if_link.h}; RFC 7348).
 *
 * @param vni the VXLAN network identifier, 24 bits
 * @param port the UDP destination port
 * @param local the source address of the outer packets, if it is fixed
 * @param underlay the index of the link that the outer packets leave by, if it is fixed
 * @param learning whether forwarding entries are learned from received packets
 */
public record Vxlan(int vni, int port, Optional<IpAddress> local, Optional<Integer> underlay, boolean learning) {}
