package dev.ikat.bench;

import dev.ikat.backendtests.InNamespace;
import dev.ikat.model.IpAddress;
import dev.ikat.nftables.NftablesBackend;
import dev.ikat.nftables.NftablesTable;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Iperf;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What policies cost a packet: connections and round trips between two pods of one node that has few policies, many, or
 * many as a linear chain of iptables. The nodes take turns within each round.
 */
final class PolicyPathBench {
    private static final int ROUNDS = 15;
    private static final int STREAM_ROUNDS = 5;
    private static final int SELECTORS = 400;
    private static final int FEW = 10;
    private static final int MANY = 10_000;

    private final Terminal terminal;
    private final BenchTable table;

    PolicyPathBench(Terminal terminal, BenchTable table) {
        this.terminal = terminal;
        this.table = table;
    }

    void run() {
        try (BenchLane few = new BenchLane();
                BenchLane many = new BenchLane();
                BenchLane linear = new BenchLane();
                NftablesTable fewTable = nftables(few, FEW);
                NftablesTable manyTable = nftables(many, MANY)) {
            if (!fewTable.isPresent() || !manyTable.isPresent()) {
                throw new IllegalStateException("a table is not there");
            }
            iptables(linear, MANY);
            List<BenchLane> lanes = new ArrayList<>(List.of(few, many, linear));
            lanes.forEach(BenchLane::requireEnforcement);
            lanes.forEach(BenchLane::measure); // To warm up.
            lanes.forEach(BenchLane::clear);
            for (int round = 0; round < ROUNDS; round++) {
                lanes.forEach(BenchLane::measure);
                Collections.rotate(lanes, 1);
                terminal.line(terminal.faint("  per packet, round %d of %d".formatted(round + 1, ROUNDS)));
            }
            stream(lanes);
            report("10,000 policies: one stream, Gbit/s", many.streams, few.streams, linear.streams, true);
            report("10,000 policies: a round trip, µs", many.roundTrips, few.roundTrips, linear.roundTrips, false);
            report(
                    "10,000 policies: connections per second",
                    many.connections,
                    few.connections,
                    linear.connections,
                    true);
        }
    }

    private void stream(List<BenchLane> lanes) {
        for (int round = 0; round < STREAM_ROUNDS; round++) {
            BenchLane.streams(lanes);
            Collections.rotate(lanes, 1);
            terminal.line(terminal.faint("  streams, round %d of %d".formatted(round + 1, STREAM_ROUNDS)));
        }
    }

    private void report(String measure, Samples many, Samples few, Samples linear, boolean lowIsBad) {
        double cost =
                lowIsBad ? few.dividedBy(many).median() : many.dividedBy(few).median();
        double times = lowIsBad
                ? many.dividedBy(linear).median()
                : linear.dividedBy(many).median();
        String form = many.median() < 100 ? "%.1f" : "%.0f";
        String shown = many.show(form, lowIsBad);
        table.atMostTimes(measure, shown, "10 policies", few.show(form, lowIsBad), cost, 1.05);
        table.note(measure, shown, "iptables, linear", linear.show(form, lowIsBad), OptionalDouble.of(times));
    }

    private static NftablesTable nftables(BenchLane lane, int policies) {
        NftablesTable table = InNamespace.call(lane.node.namespace().path(), () -> NftablesTable.open(true));
        new NftablesBackend(table, OptionalInt.of(4796)).replace(BenchLane.program(policies, SELECTORS));
        return table;
    }

    /** The same policies as one chain, each a rule with one peer. */
    private static void iptables(BenchLane lane, int policies) {
        StringBuilder rules = new StringBuilder("""
                *filter
                :FORWARD ACCEPT [0:0]
                -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
                """);
        for (int i = 0; i < policies - 1; i++) {
            rules.append("-A FORWARD -s ")
                    .append(IpAddress.v4((11 << 24) + i))
                    .append(" -d ")
                    .append(BenchLane.address(1 + i % 110))
                    .append(" -p tcp -m tcp --dport ")
                    .append(1000 + i / 110)
                    .append(" -j ACCEPT\n");
        }
        for (int port : List.of(Iperf.PORT, BenchLane.PORT)) {
            rules.append("-A FORWARD -s ")
                    .append(BenchLane.address(2))
                    .append(" -d ")
                    .append(BenchLane.address(1));
            rules.append(" -p tcp -m tcp --dport ").append(port).append(" -j ACCEPT\n");
        }
        rules.append("-A FORWARD -d ").append(BenchLane.address(1)).append(" -j DROP\nCOMMIT\n");
        lane.node
                .namespace()
                .runner("iptables-legacy-restore")
                .withInput(rules.toString())
                .run()
                .orThrow();
    }
}
