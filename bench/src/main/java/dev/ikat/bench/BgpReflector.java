package dev.ikat.bench;

import dev.ikat.testbed.cluster.BirdRouter;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;

/** From 1,000 nodes' routes at a reflector to a node's kernel. */
final class BgpReflector {
    private static final int NODES = 1000;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    private final BenchTable table;

    BgpReflector(BenchTable table) {
        this.table = table;
    }

    /** Measures routes that come at once to a node that runs, and a node that starts. */
    void measure() throws IOException {
        try (BgpApi scene = new BgpApi()) {
            StringBuilder routes = new StringBuilder();
            for (int i = 0; i < NODES; i++) {
                String block = "10.%d.%d.0/24".formatted(64 + i / 256, i % 256);
                routes.append("route ").append(block).append(" via \"subnet0\"; ");
                scene.putNode(
                        "remote-" + i,
                        block,
                        i == 0 ? BgpApi.ROUTER : "172.16.%d.%d".formatted(i / 256, i % 256),
                        i == 0 ? "\"ikat.dev/bgp-route-reflector\":\"\"" : "");
            }
            String session = """
                    protocol bgp node { local as 64512; neighbor %s as 64512; direct; rr client;
                      connect delay time 1; connect retry time 1; error wait time 1, 2;
                      ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
                    """.formatted(scene.node.internalIps().getFirst().address());
            BirdRouter router = scene.startRouter(session);
            scene.startAgent("--overlay=none", "--bgp-mesh=reflectors");
            scene.node.awaitReady(LIMIT);
            Await.until(
                    LIMIT,
                    () -> "no session: " + router.ask("show", "protocols"),
                    () -> router.ask("show", "protocols").contains("Established"));

            TestNamespace node = scene.node.namespace();
            long come = System.nanoTime();
            router.become(BgpApi.configuration(session + "protocol static { ipv4; " + routes + "}\n"));
            awaitRoutes(node);
            note("the reflector gets %,d nodes' routes, until they are in a node's kernel, ms", "%.0f", millis(come));

            scene.node.killAgent();
            scene.node.bird().ifPresent(bird -> {
                bird.destroyForcibly();
                bird.onExit().join();
            });
            node.ip("route", "flush", "proto", "bird");
            long start = System.nanoTime();
            scene.startAgent("--overlay=none", "--bgp-mesh=reflectors");
            awaitRoutes(node);
            note("an agent's start until %,d nodes' routes are in the kernel, s", "%.1f", millis(start) / 1000);
        }
    }

    private static void awaitRoutes(TestNamespace node) {
        Await.until(LIMIT, () -> "the node has " + routes(node) + " routes", () -> routes(node) == NODES);
    }

    private static long routes(TestNamespace node) {
        return node.ip("route", "show", "proto", "bird").lines().count();
    }

    private static double millis(long start) {
        return (System.nanoTime() - start) / 1e6;
    }

    private void note(String measure, String format, double value) {
        table.note(measure.formatted(NODES), String.format(Locale.ROOT, format, value));
    }
}
