package dev.ikat.testbed.demo;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.RackService;
import dev.ikat.testbed.cluster.Racks;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Attempts;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What happens in the demo of BGP: connections to a service from outside are spread over all nodes; when one dies, its
 * routes go and all connections are made again; when it is back, it gets its share.
 */
final class BgpScene {
    private static final int CONNECTIONS = 400;
    /** Even where a rack has only one node left, the others get more than twice as many. */
    private static final int LEAST = CONNECTIONS / 10;

    private final Racks racks;
    private final Cluster cluster;
    private final Terminal terminal;
    private final List<List<String>> spread = new ArrayList<>();
    private final List<List<String>> ways = new ArrayList<>();
    private boolean asExpected = true;

    BgpScene(Racks racks, Terminal terminal) {
        this.racks = racks;
        this.cluster = racks.cluster();
        this.terminal = terminal;
        List<String> nodes = new ArrayList<>(List.of("%d connections".formatted(CONNECTIONS)));
        cluster.nodes().forEach(node -> nodes.add(node.name()));
        nodes.add("failed");
        spread.add(nodes);
    }

    /** Plays it; false if anything was otherwise than it should. */
    boolean play() {
        RackService service = begin();
        note(service, "with all nodes", Optional.empty());
        ClusterNode victim = cluster.node(1);
        Attempts.Outage death = service.during(() -> racks.kill(victim));
        terminal.step("%s killed: until every connection is made again".formatted(victim), death.length());
        racks.awaitWays(RackService.ADDRESS, victim);
        note(service, victim + " is dead", Optional.of(victim));
        Attempts.Outage comeback = service.during(() -> revive(victim));
        note(service, victim + " is back", Optional.empty());

        terminal.heading("The routers' ways to the service, %s".formatted(RackService.ADDRESS));
        terminal.table(ways);
        terminal.heading("Connections from the client outside, %s, by the node that answered".formatted(Racks.CLIENT));
        terminal.table(spread);
        terminal.heading("A connection every %d ms meanwhile"
                .formatted(RackService.every().toMillis()));
        terminal.table(List.of(
                List.of("", "some failed for", "failed", "of"),
                row(victim + " died", death),
                row(victim + " came back", comeback)));
        return asExpected && comeback.failed() == 0;
    }

    private static List<String> row(String what, Attempts.Outage outage) {
        return List.of(
                what,
                Terminal.milliseconds(outage.length()),
                Long.toString(outage.failed()),
                Long.toString(outage.begun()));
    }

    private RackService begin() {
        terminal.timed("routers run: one between the racks, one at the top of each", () -> {
            racks.startRouters();
            return racks;
        });
        List<String> names = new ArrayList<>(List.of(""));
        racks.routers().forEach(router -> names.add("%s (AS %d)".formatted(router, racks.as(router))));
        ways.add(names);
        terminal.timed("agents ready on all nodes, each with a BIRD of its own", () -> {
            cluster.startAgents();
            return cluster;
        });
        RackService service = terminal.timed(
                "a pod on each node, and a service of type LoadBalancer", () -> RackService.create(racks));
        terminal.step(
                "all nodes announce the service's address, %s".formatted(RackService.ADDRESS),
                racks.awaitWays(RackService.ADDRESS));
        service.awaitReached(CONNECTIONS);
        return service;
    }

    /** Who answers now, and the routers' ways; a node that is dead answers nobody. */
    private void note(RackService service, String when, Optional<ClusterNode> dead) {
        List<Integer> before = service.answered();
        int failed = service.connect(CONNECTIONS);
        List<Integer> after = service.answered();
        boolean fair = failed == 0;
        List<String> row = new ArrayList<>();
        for (int i = 0; i < after.size(); i++) {
            int answered = after.get(i) - before.get(i);
            fair &= dead.equals(Optional.of(cluster.node(i))) ? answered == 0 : answered >= LEAST;
            row.add(Integer.toString(answered));
        }
        row.addFirst((fair ? "" : terminal.no() + " ") + when);
        row.add(Integer.toString(failed));
        spread.add(row);
        asExpected &= fair;
        List<String> routes = new ArrayList<>(List.of(when));
        racks.routers().forEach(router -> routes.add(String.join(", ", racks.ways(router, RackService.ADDRESS))));
        ways.add(routes);
    }

    private void revive(ClusterNode victim) {
        terminal.timed("%s started again: until the routers use it".formatted(victim), () -> {
            racks.revive(victim);
            return racks.awaitWays(RackService.ADDRESS);
        });
        victim.awaitReady(Cluster.READY_LIMIT);
    }
}
