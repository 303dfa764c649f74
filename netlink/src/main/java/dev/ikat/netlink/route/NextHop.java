package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import java.util.Optional;

/**
 * One of a route's several next hops (struct rtnexthop, {@code linux/rtnetlink.h}).
 *
 * @param gateway the next router, empty if the destination is on the link
 * @param interfaceIndex the link by which packets leave
 * @param weight its share among the route's hops, 1 to 256
 * @param onlink whether the gateway counts as on the link although no route says so
 */
public record NextHop(Optional<IpAddress> gateway, int interfaceIndex, int weight, boolean onlink) {}
