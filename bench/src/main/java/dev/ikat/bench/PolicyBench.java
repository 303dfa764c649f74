package dev.ikat.bench;

import dev.ikat.backendtests.BenchPrograms;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.model.IpAddress;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.policy.program.AddressSet;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetId;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./dev bench policy}: what it takes to put policies into the kernel, by the agent and without it, and what they
 * cost a packet there.
 */
@Command(
        name = "policy",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "What policies cost with nftables: until they are in force, and for each packet.",
            "agent: the time from an event for the agent until the kernel enforces it. changes, "
                    + "first: the same without the",
            "agent, for single changes and for a whole program. packets: connections, round trips "
                    + "and streams with 10,000",
            "policies, with 10, and with a linear chain of iptables. The exit code is 3 if an aim is not met."
        })
final class PolicyBench implements Callable<Integer> {
    /** The parts of the table. */
    enum Part {
        agent,
        changes,
        first,
        packets
    }

    private static final int REPEATS = 200;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);

    private PolicyBench() {}

    @Override
    public Integer call() throws InterruptedException {
        if (only.contains(Part.agent)) {
            new PolicyKeeperBench(table).run();
        }
        // To one processor, so that round trips are of one kind; the agent's threads would take turns there.
        BackendsBench.pin("1");
        if (only.contains(Part.changes)) {
            changes();
        }
        if (only.contains(Part.first)) {
            firstProgram();
        }
        if (only.contains(Part.packets)) {
            new PolicyPathBench(terminal, table).run();
        }
        terminal.heading("policies with nftables: kernel %s".formatted(System.getProperty("os.version")));
        return table.conclude();
    }

    private static double milliseconds(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e6;
    }

    private void changes() {
        try (TestNamespace node = TestNamespace.create();
                NftablesTable nftables = InNamespace.call(node.path(), () -> NftablesTable.open(true))) {
            NftablesBackend backend = new NftablesBackend(nftables, OptionalInt.of(4796));
            PolicyProgram base = BenchPrograms.program(500, 499, 10);
            Map<SetId, AddressSet> sets = new HashMap<>(base.sets());
            AddressSet large = BenchPrograms.set(499, 10_000);
            sets.put(large.id(), large);
            backend.replace(new PolicyProgram(sets, base.pods()));
            Samples member = new Samples();
            Samples open = new Samples();
            Samples isolated = new Samples();
            for (int i = 0; i < REPEATS; i++) {
                Set<SetMember> one = Set.of(new SetMember.AddressMember(IpAddress.v4((12 << 24) + i)));
                member.add(milliseconds(() -> backend.apply(new PolicyChange(
                        List.of(),
                        Map.of(large.id(), new PolicyChange.Members(one, Set.of())),
                        List.of(),
                        List.of(),
                        Set.of()))));
                int number = 120 + i % 100;
                open.add(milliseconds(() -> backend.apply(new PolicyChange(
                        List.of(), Map.of(), List.of(BenchPrograms.pod(number, List.of())), List.of(), Set.of()))));
                isolated.add(milliseconds(() -> backend.apply(new PolicyChange(
                        List.of(),
                        Map.of(),
                        List.of(BenchPrograms.pod(
                                number, List.of(BenchPrograms.rule(number, new PeerMatch.InSet(large.id()), 80)))),
                        List.of(),
                        Set.of()))));
                backend.apply(new PolicyChange(
                        List.of(), Map.of(), List.of(), List.of(RoutedNode.endpoint(number)), Set.of()));
            }
            table.atMost("one member of a set of 10,000, ms", member.show("%.3f", false), member.median(), 1.0, "ms");
            table.note("a pod that nothing isolates, ms", open.show("%.3f", false));
            table.note("a pod becomes isolated, ms", isolated.show("%.3f", false));
        }
    }

    private void firstProgram() {
        Samples took = new Samples();
        PolicyProgram program = BenchPrograms.program(1000, 1000, 50);
        for (int round = 0; round < 5; round++) {
            try (TestNamespace node = TestNamespace.create();
                    NftablesTable nftables = InNamespace.call(node.path(), () -> NftablesTable.open(true))) {
                NftablesBackend backend = new NftablesBackend(nftables, OptionalInt.of(4796));
                took.add(milliseconds(() -> backend.replace(program)));
                terminal.line(terminal.faint("  first program, round %d of 5".formatted(round + 1)));
            }
        }
        table.atMost(
                "first program: 110 pods, 1,000 policies, 50,000 members, ms",
                took.show("%.0f", false),
                took.median(),
                1500,
                "ms");
    }
}
