package dev.ikat.testbed.demo;

import dev.ikat.testbed.cluster.CniFailedException;
import dev.ikat.testbed.cluster.Racks;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Teardown;
import dev.ikat.testbed.report.CommandErrors;
import dev.ikat.testbed.report.Terminal;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code ./dev demo bgp}: two racks of nodes that tell their routers of a service's address by BGP, a client outside
 * that reaches the service over all of them, and a node that is killed and comes back.
 */
@Command(
        name = "bgp",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Two racks of two nodes, all of them network namespaces. Each node speaks BGP, watched by BFD, to the router at",
            "the top of its rack, and announces the address of a service of type LoadBalancer. A client outside both racks",
            "reaches the service over all nodes; one of them is killed, and comes back. The routers are BIRD. Removes",
            "everything, also after Ctrl-C."
        })
final class BgpDemo implements Callable<Integer> {
    private static final int PER_RACK = 2;
    private static final int LEAST_INTERVAL = 10;
    private static final int MOST_INTERVAL = 1000;

    @Option(
            names = "--bfd",
            paramLabel = "MS",
            description =
                    "milliseconds between two packets of BFD, 10 to 1000; when three are missing, the neighbour is gone"
                            + " (default: ${DEFAULT-VALUE})",
            defaultValue = "100")
    private int interval;

    private final Terminal terminal = Terminal.standard();

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
        if (interval < LEAST_INTERVAL || interval > MOST_INTERVAL) {
            throw CommandErrors.invalid(
                    Objects.requireNonNull(spec, "only picocli may call this").commandLine(),
                    "--bfd",
                    interval,
                    LEAST_INTERVAL + " to " + MOST_INTERVAL);
        }
        long start = System.nanoTime();
        Thread farewell = new Thread(
                () -> terminal.line(System.lineSeparator() + "  interrupted: removing everything"), "farewell");
        Runtime.getRuntime().addShutdownHook(farewell);
        terminal.line(
                terminal.bold("Ikat and BGP: two racks of %d nodes, a service of type LoadBalancer, BFD every %d ms"
                        .formatted(PER_RACK, interval)));
        terminal.line("");
        Racks racks = terminal.timed(
                "namespaces for the routers, the nodes and a client",
                () -> Racks.create(PER_RACK, Duration.ofMillis(interval), "--services=true"));
        try (racks) {
            boolean asExpected = new BgpScene(racks, terminal).play();
            terminal.heading("Taking it down");
            terminal.timed("agents, their BIRDs and the routers stopped, namespaces and files removed", () -> {
                racks.close();
                return racks;
            });
            Runtime.getRuntime().removeShutdownHook(farewell);
            terminal.line("");
            terminal.line("  %s in %.1f s"
                    .formatted(
                            asExpected ? terminal.good("all well") : terminal.bad("NOT ALL WELL"),
                            (System.nanoTime() - start) / 1e9));
            return asExpected ? 0 : 1;
        } catch (CommandFailedException | CniFailedException e) {
            if (!Teardown.isEnding()) {
                Runtime.getRuntime().removeShutdownHook(farewell);
                terminal.line("  " + terminal.no() + " " + e.getMessage());
            }
            return 1;
        }
    }
}
