package dev.ikat.bench;

import dev.ikat.testbed.report.Terminal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./dev bench outside}: connections from outside the cluster to a service. */
@Command(
        name = "outside",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "A client outside of the cluster connects to a service's external address by way of a node.",
            "local: the pod is on that node, and sees the client (externalTrafficPolicy: Local).",
            "cluster: it is on another node; with direct return (DSR) that node answers the client, else the first one.",
            "Beside each, kube-proxy's in its mode nftables and, of the same client, connections to the pod itself, all in",
            "turns: new connections, round trips, and streams to the pod and back.",
            "The exit code is 3 if an aim is not met."
        })
final class OutsideBench implements Callable<Integer> {
    /** The parts of the table. */
    enum Part {
        local,
        cluster
    }

    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();
    private static final int ROUNDS = 12;
    private static final int STREAM_ROUNDS = 5;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "only these parts: ${COMPLETION-CANDIDATES}")
    private Set<Part> only = EnumSet.allOf(Part.class);

    @Option(
            names = "--kube-proxy",
            paramLabel = "FILE",
            description = "the program to compare with (default: the test cluster's, where that has been built; "
                    + "'./dev cluster up' builds it)")
    private Path kubeProxy = KubeProxy.OF_TEST_CLUSTER;

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);

    private OutsideBench() {}

    @Override
    public Integer call() {
        boolean compared = Files.isExecutable(kubeProxy);
        if (!compared) {
            terminal.line("there is no kube-proxy at " + kubeProxy + ": Ikat is measured alone");
        }
        for (Part part : only) {
            measure(part, compared);
        }
        table.printMachine();
        return table.conclude();
    }

    private void measure(Part part, boolean compared) {
        List<OutsideLane> lanes = new ArrayList<>();
        try {
            boolean local = part == Part.local;
            lane("nftables", true, local, lanes).serve(ServicePlane.Kind.nftables, false);
            lane(local ? "eBPF" : "eBPF, DSR", true, local, lanes).serve(ServicePlane.Kind.ebpf, !local);
            if (compared) {
                lane("kube-proxy", false, local, lanes).serve(kubeProxy);
            }
            BackendsBench.pin("1");
            for (int round = -1; round < ROUNDS; round++) {
                lanes.forEach(OutsideLane::measure);
                if (round < 0) {
                    lanes.forEach(OutsideLane::clear);
                }
            }
            BackendsBench.pin("0-" + (PROCESSORS - 1));
            for (int round = 0; round < STREAM_ROUNDS; round++) {
                lanes.forEach(OutsideLane::measureStreams);
            }
            lanes.forEach(lane -> report(part, lane, lanes));
        } finally {
            lanes.forEach(OutsideLane::close);
        }
    }

    /** Adds it as soon as it is there, so that whatever happens it is closed. */
    private OutsideLane lane(String title, boolean isOurs, boolean local, List<OutsideLane> lanes) {
        terminal.line((local ? "local, " : "cluster, ") + title);
        OutsideLane lane = new OutsideLane(title, isOurs, local);
        lanes.add(lane);
        return lane;
    }

    private void report(Part part, OutsideLane lane, List<OutsideLane> lanes) {
        row(part, lane, "connections/s", "%.0f", true, OutsideLane.Costs::connections, lanes);
        row(part, lane, "round trip, us", "%.1f", false, OutsideLane.Costs::trips, lanes);
        row(part, lane, "stream to the pod, Gbit/s", "%.2f", true, OutsideLane.Costs::to, lanes);
        row(part, lane, "stream from the pod, Gbit/s", "%.2f", true, OutsideLane.Costs::from, lanes);
    }

    private void row(
            Part part,
            OutsideLane lane,
            String what,
            String form,
            boolean lowIsBad,
            Function<OutsideLane.Costs, Samples> kind,
            List<OutsideLane> lanes) {
        String measure = String.format(Locale.ROOT, "%s, %s: %s", part, lane.title(), what);
        Samples own = kind.apply(lane.service());
        Samples direct = kind.apply(lane.direct());
        table.note(
                measure,
                own.show(form, lowIsBad),
                "the pod itself",
                direct.show(form, lowIsBad),
                OptionalDouble.of(own.dividedBy(direct).median()));
        OutsideLane last = lanes.getLast();
        if (last.isOurs() || !lane.isOurs()) {
            return;
        }
        Samples theirs = kind.apply(last.service());
        double ratio = own.dividedBy(theirs).median();
        if (lowIsBad) {
            table.atLeast(measure, own.show(form, true), last.title(), theirs.show(form, true), ratio, 1);
        } else {
            table.atMostTimes(measure, own.show(form, false), last.title(), theirs.show(form, false), ratio, 1);
        }
    }
}
