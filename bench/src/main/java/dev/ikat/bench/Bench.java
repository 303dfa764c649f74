package dev.ikat.bench;

import dev.ikat.bench.micro.MicroBench;
import dev.ikat.testbed.report.CommandErrors;
import dev.ikat.testbed.report.Terminal;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./dev bench}: how fast pods are wired and how fast they talk, beside the reference plugins in the same run.
 */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Without a COMMAND, compares Ikat with Debian's containernetworking-plugins and with "
                    + "plain kernel set-ups,",
            "alternating in the same run: wiring of pods, and packets between them. Prints one",
            "table: medians, and in parentheses the 90th percentile (of throughputs the 10th). Ikat wires IPv4 and IPv6; the",
            "reference plugins wire IPv4 only, as with IPv6 they wait for duplicate address detection.",
            "A COMMAND measures something else, and has options of its own: ./dev bench COMMAND --help",
            "The exit code is 0 if every aim is met, and 3 if one is not."
        },
        subcommands = {
            PolicyBench.class,
            BackendsBench.class,
            ServicesBench.class,
            OutsideBench.class,
            ScaleBench.class,
            MicroBench.class,
            WiringBench.class,
            ApiBench.class,
            BgpBench.class,
            Soak.class
        })
public final class Bench implements Callable<Integer> {
    /** The parts of the table. */
    enum Part {
        attach,
        burst,
        memory,
        node,
        overlay
    }

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "rounds of ten ADDs and DELs each (default: ${DEFAULT-VALUE})",
            defaultValue = "12")
    private int rounds;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description = "length of one throughput measurement (default: ${DEFAULT-VALUE})",
            defaultValue = "3")
    private int seconds;

    /** Exits with 0 if every aim is met, 3 if one is not. The name is that of the program in its help. */
    public static void main(String[] arguments) {
        System.exit(CommandErrors.inOneLine(new CommandLine(new Bench()).setCommandName("./dev bench"))
                .execute(arguments));
    }

    @Override
    public Integer call() {
        Terminal terminal = Terminal.standard();
        BenchTable table = new BenchTable(terminal);
        if (only.contains(Part.attach) || only.contains(Part.burst) || only.contains(Part.memory)) {
            new AttachBench(terminal, table, only, rounds).run();
        }
        if (only.contains(Part.node) || only.contains(Part.overlay)) {
            new ThroughputBench(terminal, table, only, seconds).run();
        }
        table.printMachine();
        return table.conclude();
    }
}
