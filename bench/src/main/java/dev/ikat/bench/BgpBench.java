package dev.ikat.bench;

import dev.ikat.testbed.report.Terminal;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./dev bench bgp}: how soon routers know what has become of nodes and services. */
@Command(
        name = "bgp",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "How soon routers know what has become of nodes and services. All nodes and routers are network namespaces.",
            "death: how long connections from outside to a service fail when one of four nodes in two racks dies.",
            "services: from a change of a service among many to the route in a router's kernel, and what that costs.",
            "reflector: from 1,000 nodes' routes at a reflector to a node's kernel.",
            "The exit code is 3 if an aim is not met."
        })
public final class BgpBench implements Callable<Integer> {
    private static final List<Duration> INTERVALS = List.of(Duration.ofMillis(100), Duration.ofMillis(300));

    /** The parts of the table. */
    enum Part {
        death,
        services,
        reflector
    }

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    @Option(
            names = "--deaths",
            paramLabel = "N",
            description = "how often a node dies, for each interval of BFD (default: ${DEFAULT-VALUE})",
            defaultValue = "10")
    private int deaths;

    @Option(
            names = "--services",
            paramLabel = "N",
            description = "number of services with an address each (default: ${DEFAULT-VALUE})",
            defaultValue = "10000")
    private int services;

    @Option(
            names = "--changes",
            paramLabel = "N",
            description = "how many services are changed, one a second (default: ${DEFAULT-VALUE})",
            defaultValue = "30")
    private int changes;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Terminal terminal = Terminal.standard();
        BenchTable table = new BenchTable(terminal);
        if (only.contains(Part.death)) {
            for (Duration interval : INTERVALS) {
                new BgpDeaths(terminal, table, interval).measure(deaths);
            }
        }
        if (only.contains(Part.services)) {
            new BgpServices(table, services).measure(changes);
        }
        if (only.contains(Part.reflector)) {
            new BgpReflector(table).measure();
        }
        table.printMachine();
        return table.conclude();
    }
}
