package dev.ikat.agent.policy;

import dev.ikat.backendtests.BenchLane;
import dev.ikat.backendtests.BenchPrograms;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.backendtests.RoutedNode;
import dev.ikat.ebpf.EbpfBackend;
import dev.ikat.ebpf.EbpfSettings;
import dev.ikat.iptables.IptablesBackend;
import dev.ikat.iptables.IptablesVariant;
import dev.ikat.iptables.Programs;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetworkNamespace;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.policy.program.PeerMatch;
import dev.ikat.policy.program.PolicyBackend;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.policy.program.SetMember;
import dev.ikat.testbed.BenchTable;
import dev.ikat.testbed.Samples;
import dev.ikat.testbed.Terminal;
import dev.ikat.testbed.TestNamespace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;

/** {@code ./dev bench backends}: the same programs on every backend, in turns. */
public final class BackendsBench {
    private static final int CHANGES = 30;
    private static final int ROUNDS = 7;
    private static final int FIRST_ROUNDS = 6;
    private static final int STREAM_ROUNDS = 5;
    private static final int SELECTORS = 400;
    private static final OptionalInt LOG_GROUP = OptionalInt.of(4796);

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);

    private BackendsBench() {}

    private record Kind(String title, Function<TestNamespace, PolicyBackend> opener) {}

    private static final List<Kind> KINDS = List.of(
            new Kind("nftables", node -> {
                NftablesTable table = InNamespace.call(node.path(), () -> NftablesTable.open(true));
                return new NftablesBackend(table, LOG_GROUP);
            }),
            new Kind("iptables, legacy", node -> iptables(node, IptablesVariant.LEGACY)),
            new Kind("iptables, nft", node -> iptables(node, IptablesVariant.NFT)),
            new Kind(
                    "eBPF",
                    node -> new EbpfBackend(NetworkNamespace.open(node.path()), EbpfSettings.USUAL, Optional.empty())));

    private static PolicyBackend iptables(TestNamespace node, IptablesVariant variant) {
        return new IptablesBackend(new Programs(node.entering(List.of())), variant, LOG_GROUP);
    }

    /** Prints the table. */
    public static void main(String[] arguments) {
        BackendsBench bench = new BackendsBench();
        bench.changes();
        for (int policies : List.of(10, 1_000, 10_000)) {
            bench.packets(policies);
        }
        bench.terminal.heading("the backends, beside nftables");
        bench.table.print();
    }

    private static double milliseconds(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e6;
    }

    private void report(String measure, List<Samples> byKind, String form, boolean lowIsBad) {
        Samples nftables = byKind.getFirst();
        for (int i = 1; i < KINDS.size(); i++) {
            Samples other = byKind.get(i);
            double ratio = lowIsBad
                    ? nftables.dividedBy(other).median()
                    : other.dividedBy(nftables).median();
            table.note(
                    measure,
                    nftables.show(form, lowIsBad),
                    KINDS.get(i).title(),
                    other.show(form, lowIsBad),
                    OptionalDouble.of(ratio));
        }
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
                        PolicyBackend backend = KINDS.get(k).opener().apply(node)) {
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
                    PolicyBackend backend = KINDS.get(k).opener().apply(node)) {
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
        report("first program: 110 pods, 1,000 policies, 50,000 members, ms", first, "%.0f", false);
        report("one member of a set, ms", member, "%.2f", false);
        report("one isolated pod more, ms", isolated, "%.2f", false);
    }

    private void packets(int policies) {
        List<BenchLane> lanes = new ArrayList<>();
        List<PolicyBackend> backends = new ArrayList<>();
        BenchLane bridge = new BenchLane(RoutedNode.bridged());
        try {
            for (Kind kind : KINDS) {
                BenchLane lane = new BenchLane();
                lanes.add(lane);
                PolicyBackend backend = kind.opener().apply(lane.node.namespace());
                backends.add(backend);
                backend.replace(BenchLane.program(policies, SELECTORS));
                lane.requireEnforcement();
                lane.measure(); // To warm up.
                lane.clear();
            }
            List<BenchLane> turns = new ArrayList<>(lanes);
            turns.add(bridge);
            bridge.measure();
            bridge.clear();
            for (int round = 0; round < ROUNDS; round++) {
                turns.forEach(BenchLane::measure);
                Collections.rotate(turns, 1);
            }
            for (int round = 0; round < STREAM_ROUNDS; round++) {
                BenchLane.streams(turns);
                Collections.rotate(turns, 1);
            }
            terminal.line(terminal.faint("  packets, %,d policies".formatted(policies)));
            report(
                    "%,d policies: a round trip, µs".formatted(policies),
                    lanes.stream().map(lane -> lane.roundTrips).toList(),
                    "%.1f",
                    false);
            report(
                    "%,d policies: connections per second".formatted(policies),
                    lanes.stream().map(lane -> lane.connections).toList(),
                    "%.0f",
                    true);
            report(
                    "%,d policies: one stream, Gbit/s".formatted(policies),
                    lanes.stream().map(lane -> lane.streams).toList(),
                    "%.1f",
                    true);
            beside(policies, lanes.getLast(), bridge);
        } finally {
            bridge.close();
            // Its last one may hold on to names in a file system; the others go with their namespace.
            backends.getLast().remove();
            backends.forEach(PolicyBackend::close);
            lanes.forEach(BenchLane::close);
        }
    }

    private void beside(int policies, BenchLane ebpf, BenchLane bridge) {
        table.atLeast(
                "%,d policies, eBPF: one stream, Gbit/s".formatted(policies),
                ebpf.streams.show("%.1f", true),
                "bridge, no policy",
                bridge.streams.show("%.1f", true),
                ebpf.streams.dividedBy(bridge.streams).median(),
                1.25);
        table.atLeast(
                "%,d policies, eBPF: a round trip, µs".formatted(policies),
                ebpf.roundTrips.show("%.1f", false),
                "bridge, no policy",
                bridge.roundTrips.show("%.1f", false),
                bridge.roundTrips.dividedBy(ebpf.roundTrips).median(),
                1.25);
    }
}
