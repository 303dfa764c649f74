package dev.ikat.agent.migrate;

import dev.ikat.model.IpFamily;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Route;
import dev.ikat.netlink.route.RouteFilter;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.netlink.route.Rule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds the routes and routing rules that do not go with a link. A route that could be anybody's, such as flannel's
 * with the backend host-gw, does not count.
 */
final class LeftRoutes {
    /** By the number with which a route says who made it. */
    private static final Map<FormerNetwork, Integer> PROTOCOLS =
            Map.of(FormerNetwork.CALICO, 80, FormerNetwork.KUBE_ROUTER, 17);

    private static final Map<Integer, Integer> CILIUM_TABLES = Map.of(0x200, 2004, 0xa00, 2005);
    private static final int CILIUM_MASK = 0xf00;

    /** As kube-router writes them into rt_tables. */
    private static final Map<Integer, String> KUBE_ROUTER_TABLES =
            Map.of(77, "kube-router", 78, "kube-router-dsr", 79, "external_ip");

    private final Rtnetlink netlink;
    private final Path root;

    LeftRoutes(Rtnetlink netlink, Path root) {
        this.netlink = netlink;
        this.root = root;
    }

    List<Leftover> find(FormerNetwork former) {
        List<Leftover> found = new ArrayList<>();
        Set<Integer> named = former == FormerNetwork.KUBE_ROUTER ? namedTables() : Set.of();
        for (IpFamily family : IpFamily.values()) {
            Set<Integer> tables = new HashSet<>(named);
            for (Rule rule : netlink.rules(family)) {
                boolean cilium = former == FormerNetwork.CILIUM
                        && rule.markMask() == CILIUM_MASK
                        && rule.mark()
                                .filter(mark -> Integer.valueOf(rule.table()).equals(CILIUM_TABLES.get(mark)))
                                .isPresent();
                if (cilium || named.contains(rule.table())) {
                    tables.add(rule.table());
                    found.add(Leftover.removable(
                            family.title() + " routing rule " + rule.priority() + ", which looks into table "
                                    + rule.table(),
                            () -> netlink.execute(Requests.delete(rule).ignoring(Errno.ENOENT, Errno.ESRCH))));
                }
            }
            tables.forEach(table ->
                    netlink.routes(family, RouteFilter.ALL.table(table)).forEach(route -> found.add(leftover(route))));
            Integer protocol = PROTOCOLS.get(former);
            if (protocol != null) {
                netlink.routes(family, RouteFilter.ALL.table(Route.TABLE_MAIN).protocol(protocol))
                        .forEach(route -> found.add(leftover(route)));
            }
        }
        return found;
    }

    private Leftover leftover(Route route) {
        return Leftover.removable(
                "route to " + route.destination() + " in table " + route.table(),
                () -> netlink.execute(Requests.delete(route).ignoring(Errno.ESRCH, Errno.ENOENT, Errno.ENODEV)));
    }

    private Set<Integer> namedTables() {
        Set<Integer> tables = new HashSet<>();
        try {
            String names = Files.readString(root.resolve("etc/iproute2/rt_tables"), StandardCharsets.ISO_8859_1);
            KUBE_ROUTER_TABLES.forEach((table, name) -> {
                if (names.lines().anyMatch(line -> line.strip().matches(table + "\\s+" + name))) {
                    tables.add(table);
                }
            });
        } catch (IOException e) {
            // Without such a file nobody has named a table.
        }
        return tables;
    }
}
