package dev.ikat.netlink.route;

import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The routes of {@link FakeNetlink}, which change as the kernel's do. */
final class FakeRoutes {
    private final List<Route> routes = new ArrayList<>();
    private final FakeLinks links;

    FakeRoutes(FakeLinks links) {
        this.links = links;
    }

    List<Route> all() {
        return List.copyOf(routes);
    }

    /**
     * RTM_NEWROUTE.
     *
     * @param addresses by which it is known what is on a link
     * @return the route as it is read back
     */
    Route put(Route asked, boolean replace, List<Address> addresses) {
        Route route = asReadBack(asked);
        requireWay(route, addresses);
        Optional<Route> before = routes.stream()
                .filter(other -> sameKey(other, route)
                        // An IPv6 route that leads nowhere stands beside one that leads somewhere.
                        && (route.destination().family() == IpFamily.IPV4 || other.type() == route.type()))
                .findFirst();
        Refusal.unless(replace || before.isEmpty(), Errno.EEXIST);
        before.ifPresent(routes::remove);
        routes.add(route);
        return route;
    }

    private static boolean sameKey(Route one, Route other) {
        return one.destination().equals(other.destination())
                && one.table() == other.table()
                && one.metric() == other.metric();
    }

    /** The kernel shows an IPv6 route that ends here on the loopback interface. */
    private static Route asReadBack(Route route) {
        return route.destination().family() == IpFamily.IPV6 && route.type() != RouteType.UNICAST
                ? route.link(FakeLinks.LOOPBACK)
                : route;
    }

    private void requireWay(Route route, List<Address> addresses) {
        if (route.type() != RouteType.UNICAST) {
            return;
        }
        if (route.interfaceIndex().isPresent()) {
            Refusal.unless(links.require(route.interfaceIndex().get()).isUp(), Errno.ENETDOWN);
        }
        IpAddress gateway = route.gateway().orElse(null);
        if (gateway != null && !route.onlink()) {
            boolean reached = addresses.stream()
                    .filter(address -> route.interfaceIndex()
                            .filter(index -> index != address.interfaceIndex())
                            .isEmpty())
                    .anyMatch(address -> address.address().cidr().contains(gateway));
            Refusal.unless(reached, gateway.family() == IpFamily.IPV4 ? Errno.ENETUNREACH : Errno.EHOSTUNREACH);
        }
    }

    /** RTM_DELROUTE: the route that is gone. */
    Route delete(Route asked) {
        Route route = asReadBack(asked);
        Route found = routes.stream()
                .filter(other -> sameKey(other, route)
                        && other.type() == route.type()
                        && other.protocol() == route.protocol()
                        && other.gateway().equals(route.gateway())
                        && other.interfaceIndex().equals(route.interfaceIndex()))
                .findFirst()
                .orElseThrow(() -> new Refusal(Errno.ESRCH));
        routes.remove(found);
        return found;
    }

    /** The link is gone, or down. */
    void withoutLink(int index) {
        routes.removeIf(route -> route.type() == RouteType.UNICAST
                && route.interfaceIndex().filter(used -> used == index).isPresent());
    }
}
