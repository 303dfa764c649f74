package dev.ikat.bench;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.RackService;
import dev.ikat.testbed.cluster.Racks;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Attempts;
import java.time.Duration;
import java.util.Locale;

/** How long connections from outside to a service fail when one of its nodes dies, and when it comes back. */
final class BgpDeaths {
    private static final int PER_RACK = 2;
    private static final int CONNECTIONS = 100;
    private static final double AIM_MILLIS = 1000;

    private final Terminal terminal;
    private final BenchTable table;
    private final Duration interval;

    /** @param interval of BFD */
    BgpDeaths(Terminal terminal, BenchTable table, Duration interval) {
        this.terminal = terminal;
        this.table = table;
        this.interval = interval;
    }

    /** Has each node die in its turn, so many times in all. */
    void measure(int deaths) {
        Samples outages = new Samples();
        Samples returns = new Samples();
        long lost = 0;
        try (Racks racks = Racks.create(PER_RACK, interval, "--services=true")) {
            racks.startRouters();
            racks.cluster().startAgents();
            RackService service = RackService.create(racks);
            racks.awaitWays(RackService.ADDRESS);
            service.awaitReached(CONNECTIONS);
            for (int i = 0; i < deaths; i++) {
                ClusterNode victim =
                        racks.cluster().node(i % racks.cluster().nodes().size());
                Attempts.Outage outage = service.during(() -> racks.kill(victim));
                outages.add(outage.length().toNanos() / 1e6);
                racks.awaitWays(RackService.ADDRESS, victim);
                long start = System.nanoTime();
                Attempts.Outage comeback = service.during(() -> {
                    racks.revive(victim);
                    racks.awaitWays(RackService.ADDRESS);
                    returns.add((System.nanoTime() - start) / 1e9);
                });
                lost += comeback.failed();
                victim.awaitReady(Cluster.READY_LIMIT);
                service.awaitReached(CONNECTIONS);
                terminal.line(terminal.faint("  BFD every %d ms, %s: connections failed for %s"
                        .formatted(interval.toMillis(), victim, Terminal.milliseconds(outage.length()))));
            }
        }
        String bfd = "BFD every %d ms: ".formatted(interval.toMillis());
        table.atMost(
                bfd + "a node dies, until all connections are made again, ms: median (longest)",
                shown("%.0f (%.0f)", outages),
                outages.quantile(1),
                AIM_MILLIS,
                "ms");
        table.note(
                bfd + "it is started again, until the routers use it, s: median (longest)",
                shown("%.1f (%.1f)", returns));
        table.atMost(bfd + "connections that failed because it came back", Long.toString(lost), (double) lost, 0, "");
    }

    private static String shown(String format, Samples samples) {
        return String.format(Locale.ROOT, format, samples.median(), samples.quantile(1));
    }
}
