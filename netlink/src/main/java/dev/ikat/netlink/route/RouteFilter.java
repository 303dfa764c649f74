package dev.ikat.netlink.route;

import java.util.Optional;

/**
 * Which routes to read; empty means any. The kernel applies the filter, so that not every route of a host with many has
 * to be read.
 *
 * @param table the routing table
 * @param protocol who created the route
 * @param interfaceIndex the link by which packets leave
 */
public record RouteFilter(Optional<Integer> table, Optional<Integer> protocol, Optional<Integer> interfaceIndex) {
    /** Every route of every table. */
    public static final RouteFilter ALL = new RouteFilter(Optional.empty(), Optional.empty(), Optional.empty());

    /** The same, of this table only. */
    public RouteFilter table(int value) {
        return new RouteFilter(Optional.of(value), protocol, interfaceIndex);
    }

    /** The same, with this protocol only. */
    public RouteFilter protocol(int value) {
        return new RouteFilter(table, Optional.of(value), interfaceIndex);
    }

    /** The same, leaving by this link only. */
    public RouteFilter link(int index) {
        return new RouteFilter(table, protocol, Optional.of(index));
    }

    /** Whether the route passes; for kernels that filter less than they are asked to. */
    boolean matches(Route route) {
        return table.filter(value -> value != route.table()).isEmpty()
                && protocol.filter(value -> value != route.protocol()).isEmpty()
                && interfaceIndex.filter(index -> !leavesBy(route, index)).isEmpty();
    }

    private static boolean leavesBy(Route route, int index) {
        return route.interfaceIndex().filter(i -> i == index).isPresent()
                || route.multipath().stream().anyMatch(hop -> hop.interfaceIndex() == index);
    }
}
