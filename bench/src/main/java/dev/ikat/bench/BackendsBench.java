package dev.ikat.bench;

import dev.ikat.backendtests.BenchPrograms;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.ebpf.EbpfBackend;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.iptables.IptablesBackend;
import dev.ikat.iptables.IptablesGuard;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesGuard;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./dev bench backends}: the same programs on every backend, in turns. */
@Command(
        name = "backends",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "The same policies on nftables, iptables and eBPF, alternating in the same run.",
            "Also each backend with and without the source guard, and eBPF compared with a bridge "
                    + "and with a veth pair between",
            "the pods. Prints one table: medians, and in parentheses the 90th percentile (of "
                    + "throughputs and connections the",
            "10th). The exit code is 3 if an aim is not met."
        })
public final class BackendsBench implements Callable<Integer> {
    /** The parts of the table. */
    enum Part {
        changes,
        packets,
        many,
        guard,
        bridge
    }

    private static final int CHANGES = 30;
    private static final int ROUNDS = 7;
    private static final int PAIR_ROUNDS = 15;
    private static final int LARGE_PIECES = 192 * 1024;
    private static final int FIRST_ROUNDS = 6;
    private static final int STREAM_ROUNDS = 5;
    private static final int SELECTORS = 400;
    private static final OptionalDouble NO_AIM = OptionalDouble.empty();
    private static final OptionalDouble NO_SLOWER = OptionalDouble.of(1);
    private static final OptionalDouble MUCH_FASTER = OptionalDouble.of(1.25);
    private static final OptionalInt LOG_GROUP = OptionalInt.of(4796);

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);

    private BackendsBench() {}

    /** What enforces policies, and what guards sources beside it. */
    record Planes(PolicyBackend policies, SourceGuard guard) {}

    /** A backend. */
    record Kind(String title, Function<TestNamespace, Planes> opener) {
        Planes open(TestNamespace node) {
            return opener.apply(node);
        }
    }

    private static final List<Kind> KINDS = List.of(
            new Kind("nftables", node -> {
                NftablesTable table = table(node);
                return new Planes(new NftablesBackend(table, LOG_GROUP), new NftablesGuard(table, LOG_GROUP));
            }),
            new Kind("iptables, legacy", node -> iptables(node, IptablesVariant.LEGACY)),
            new Kind("iptables, nft", node -> iptables(node, IptablesVariant.NFT)),
            new Kind(
                    "eBPF",
                    node -> new Planes(
                            new EbpfBackend(
                                    NetworkNamespace.open(node.path()),
                                    EbpfSettings.USUAL,
                                    Optional::empty,
                                    Optional.empty()),
                            new NftablesGuard(table(node), LOG_GROUP))));

    private static NftablesTable table(TestNamespace node) {
        return InNamespace.call(node.path(), () -> NftablesTable.open(true));
    }

    private static Planes iptables(TestNamespace node, IptablesVariant variant) {
        Programs programs = new Programs(node.entering(List.of()));
        return new Planes(
                new IptablesBackend(programs, variant, LOG_GROUP), new IptablesGuard(programs, variant, LOG_GROUP));
    }

    @Override
    public Integer call() {
        if (only.contains(Part.changes)) {
            changes();
        }
        pin("1");
        if (only.contains(Part.packets)) {
            List.of(10, 1_000, 10_000).forEach(this::packets);
        }
        if (only.contains(Part.many)) {
            manyPolicies();
        }
        if (only.contains(Part.guard)) {
            KINDS.forEach(kind -> new GuardCost(kind, table).measure());
        }
        if (only.contains(Part.bridge)) {
            besideBridges();
        }
        terminal.heading("the backends: kernel %s".formatted(System.getProperty("os.version")));
        return table.conclude();
    }

    /** To one processor, so that round trips are of one kind. */
    static void pin(String processors) {
        ProcessRunner taskset = ProcessRunner.of(
                "taskset",
                "--all-tasks",
                "--cpu-list",
                "--pid",
                processors,
                Long.toString(ProcessHandle.current().pid()));
        // It fails where a thread ends while it is at work.
        if (taskset.run().exitCode() != 0) {
            taskset.run().orThrow();
        }
    }

    private static double milliseconds(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e6;
    }

    /**
     * The backends beside nftables.
     *
     * @param aim how many times its cost eBPF's is to be at most
     */
    private void report(String measure, List<Samples> byKind, String form, boolean lowIsBad, OptionalDouble aim) {
        Samples nftables = byKind.getFirst();
        for (int i = 1; i < KINDS.size(); i++) {
            Samples other = byKind.get(i);
            double ratio = lowIsBad
                    ? nftables.dividedBy(other).median()
                    : other.dividedBy(nftables).median();
            String what = KINDS.get(i).title() + ": " + measure;
            String shown = other.show(form, lowIsBad);
            String beside = nftables.show(form, lowIsBad);
            if (aim.isPresent() && i == KINDS.size() - 1) {
                table.atMostTimes(what, shown, "nftables", beside, ratio, aim.getAsDouble());
            } else {
                table.note(what, shown, "nftables", beside, OptionalDouble.of(ratio));
            }
        }
    }

    /** What takes eBPF no more than this. */
    private void limit(String measure, List<Samples> byKind, double milliseconds) {
        Samples ebpf = byKind.getLast();
        table.atMost("eBPF: " + measure, ebpf.show("%.2f", false), ebpf.median(), milliseconds, "ms");
    }

    private static List<Samples> samples() {
        return KINDS.stream().map(_ -> new Samples()).toList();
    }

    private void changes() {
        List<Samples> first = samples();
        List<Samples> member = samples();
        List<Samples> isolated = samples();
        PolicyProgram program = BenchPrograms.program(1000, 1000, 50);
        for (int round = 0; round < FIRST_ROUNDS; round++) {
            for (int k = 0; k < KINDS.size(); k++) {
                try (TestNamespace node = TestNamespace.create();
                        PolicyBackend backend = KINDS.get(k).open(node).policies()) {
                    double taken = milliseconds(() -> backend.replace(program));
                    backend.remove();
                    if (round > 0) { // The first one is spent on warming up.
                        first.get(k).add(taken);
                    }
                }
            }
        }
        for (int k = 0; k < KINDS.size(); k++) {
            try (TestNamespace node = TestNamespace.create();
                    PolicyBackend backend = KINDS.get(k).open(node).policies()) {
                backend.replace(program);
                for (int i = 0; i < CHANGES; i++) {
                    var set = BenchPrograms.set(0, 0).id();
                    Set<SetMember> one = Set.of(new SetMember.AddressMember(IpAddress.v4((12 << 24) + i)));
                    member.get(k)
                            .add(milliseconds(() -> backend.apply(new PolicyChange(
                                    List.of(),
                                    Map.of(set, new PolicyChange.Members(one, Set.of())),
                                    List.of(),
                                    List.of(),
                                    Set.of()))));
                    int number = 120 + i;
                    isolated.get(k)
                            .add(milliseconds(() -> backend.apply(new PolicyChange(
                                    List.of(),
                                    Map.of(),
                                    List.of(BenchPrograms.pod(
                                            number, List.of(BenchPrograms.rule(number, new PeerMatch.InSet(set), 80)))),
                                    List.of(),
                                    Set.of()))));
                }
            }
            terminal.line(terminal.faint("  changes, " + KINDS.get(k).title()));
        }
        report("first program: 110 pods, 1,000 policies, 50,000 members, ms", first, "%.0f", false, NO_AIM);
        report("one member of a set, ms", member, "%.2f", false, NO_AIM);
        report("one isolated pod more, ms", isolated, "%.2f", false, NO_AIM);
        limit("first program, ms", first, 500);
        limit("one member of a set, ms", member, 1);
        limit("one isolated pod more, ms", isolated, 1);
    }

    private void packets(int policies) {
        List<BenchLane> lanes = new ArrayList<>();
        List<PolicyBackend> backends = new ArrayList<>();
        try {
            for (Kind kind : KINDS) {
                BenchLane lane = new BenchLane();
                lanes.add(lane);
                PolicyBackend backend = kind.open(lane.node.namespace()).policies();
                backends.add(backend);
                backend.replace(BenchLane.program(policies, SELECTORS));
                lane.requireEnforcement();
            }
            List<BenchLane> turns = new ArrayList<>(lanes);
            measure(turns, ROUNDS, BenchLane.address(1));
            terminal.line(terminal.faint("  packets, %,d policies".formatted(policies)));
            report(
                    "%,d policies: a round trip, µs".formatted(policies),
                    lanes.stream().map(lane -> lane.roundTrips).toList(),
                    "%.1f",
                    false,
                    NO_SLOWER);
            report(
                    "%,d policies: connections per second".formatted(policies),
                    lanes.stream().map(lane -> lane.connections).toList(),
                    "%.0f",
                    true,
                    NO_SLOWER);
            report(
                    "%,d policies: one stream, Gbit/s".formatted(policies),
                    lanes.stream().map(lane -> lane.streams).toList(),
                    "%.1f",
                    true,
                    NO_SLOWER);
        } finally {
            // Its last one may hold on to names in a file system; the others go with their namespace.
            backends.getLast().remove();
            backends.forEach(PolicyBackend::close);
            lanes.forEach(BenchLane::close);
        }
    }

    /** Whether eBPF costs a packet the same however many policies there are. */
    private void manyPolicies() {
        try (EbpfLane few = new EbpfLane(10);
                EbpfLane many = new EbpfLane(10_000)) {
            List<BenchLane> turns = new ArrayList<>(List.of(few.lane, many.lane));
            measure(turns, PAIR_ROUNDS, BenchLane.address(1));
            same("stream, Gbit/s", many.lane.streams, few.lane.streams, true);
            same("a round trip, µs", many.lane.roundTrips, few.lane.roundTrips, false);
            same("connections per second", many.lane.connections, few.lane.connections, true);
        }
        terminal.line(terminal.faint("  many policies and few"));
    }

    private void same(String measure, Samples many, Samples few, boolean lowIsBad) {
        double cost =
                lowIsBad ? few.dividedBy(many).median() : many.dividedBy(few).median();
        table.atMostTimes(
                "eBPF, 10,000 policies: " + measure,
                many.show("%.1f", lowIsBad),
                "10 policies",
                few.show("%.1f", lowIsBad),
                cost,
                1.03);
    }

    /**
     * eBPF beside a bridge, each without and with masquerading of what the pods send to elsewhere, and beside a cable
     * between the pods: what no way through a node can be faster than. eBPF also with larger pieces, as the agent's
     * setting makes them.
     */
    private void besideBridges() {
        IpAddress to = RoutedNode.endpoint(1).addresses().getLast();
        try (EbpfLane usual = new EbpfLane(10);
                EbpfLane large = new EbpfLane(10);
                EbpfLane translating = new EbpfLane(10);
                BenchLane cable = new BenchLane(RoutedNode.cable());
                BenchLane bridge = new BenchLane(RoutedNode.bridged());
                BenchLane translatingBridge = new BenchLane(RoutedNode.bridged())) {
            large.lane.gsoMaxSize(LARGE_PIECES);
            translating.lane.node.masquerade();
            translatingBridge.node.masquerade();
            List<BenchLane> turns = List.of(usual.lane, large.lane, translating.lane, cable, bridge, translatingBridge);
            measure(new ArrayList<>(turns), PAIR_ROUNDS, to);
            beside("a cable", cable, "a bridge", bridge, NO_AIM);
            beside("eBPF", usual.lane, "a bridge", bridge, MUCH_FASTER);
            beside("eBPF, pieces of 192 KiB", large.lane, "a bridge", bridge, MUCH_FASTER);
            beside("eBPF, masquerading", translating.lane, "a bridge, masquerading", translatingBridge, MUCH_FASTER);
        }
        terminal.line(terminal.faint("  beside a bridge"));
    }

    private void beside(String what, BenchLane lane, String other, BenchLane bridge, OptionalDouble aim) {
        better(what + ": one stream, IPv6, Gbit/s", lane.streams, other, bridge.streams, "%.1f", true, aim);
        better(what + ": a round trip, µs", lane.roundTrips, other, bridge.roundTrips, "%.1f", false, aim);
        better(what + ": connections per second", lane.connections, other, bridge.connections, "%.0f", true, aim);
    }

    private void better(
            String measure,
            Samples ours,
            String other,
            Samples theirs,
            String form,
            boolean lowIsBad,
            OptionalDouble aim) {
        double ratio = lowIsBad
                ? ours.dividedBy(theirs).median()
                : theirs.dividedBy(ours).median();
        String shown = ours.show(form, lowIsBad);
        String beside = theirs.show(form, lowIsBad);
        if (aim.isPresent()) {
            table.atLeast(measure, shown, other, beside, ratio, aim.getAsDouble());
        } else {
            table.note(measure, shown, other, beside, OptionalDouble.of(ratio));
        }
    }

    /** Has them take turns. */
    static void measure(List<BenchLane> turns, int rounds, IpAddress streamsTo) {
        turns.forEach(BenchLane::measure); // To warm up.
        turns.forEach(BenchLane::clear);
        for (int round = 0; round < rounds; round++) {
            turns.forEach(BenchLane::measure);
            Collections.rotate(turns, 1);
        }
        for (int round = 0; round < STREAM_ROUNDS; round++) {
            BenchLane.streams(turns, streamsTo);
            Collections.rotate(turns, 1);
        }
    }

    /** A node on which eBPF enforces so many policies. */
    private static final class EbpfLane implements AutoCloseable {
        final BenchLane lane = new BenchLane();
        private final PolicyBackend backend =
                KINDS.getLast().open(lane.node.namespace()).policies();

        EbpfLane(int policies) {
            backend.replace(BenchLane.program(policies, SELECTORS));
            lane.requireEnforcement();
        }

        @Override
        public void close() {
            backend.remove();
            backend.close();
            lane.close();
        }
    }
}
