package dev.ikat.bench;

import dev.ikat.testbed.report.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

    @Mixin
    private final KubeProxyOption kubeProxy = new KubeProxyOption();

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);

    private OutsideBench() {}

    /**
     * What is measured of each lane.
     *
     * @param form how values are shown
     * @param lowIsBad whether more is better
     */
    private record Measure(String title, String form, boolean lowIsBad, Function<OutsideLane.Costs, Samples> of) {}

    private static final List<Measure> MEASURES = List.of(
            new Measure("connections/s", "%.0f", true, OutsideLane.Costs::connections),
            new Measure("round trip, us", "%.1f", false, OutsideLane.Costs::trips),
            new Measure("stream to the pod, Gbit/s", "%.2f", true, OutsideLane.Costs::to),
            new Measure("stream from the pod, Gbit/s", "%.2f", true, OutsideLane.Costs::from));

    @Override
    public Integer call() {
        Optional<Path> program = kubeProxy.program(terminal);
        only.forEach(part -> measure(part, program));
        table.printMachine();
        return table.conclude();
    }

    private void measure(Part part, Optional<Path> program) {
        List<OutsideLane> lanes = new ArrayList<>();
        try {
            boolean local = part == Part.local;
            lane(part, "nftables", lanes).serve(ServicePlane.Kind.nftables, false);
            lane(part, local ? "eBPF" : "eBPF, DSR", lanes).serve(ServicePlane.Kind.ebpf, !local);
            List<OutsideLane> ours = List.copyOf(lanes);
            Optional<OutsideLane> theirs = program.map(file -> {
                OutsideLane lane = lane(part, "kube-proxy", lanes);
                lane.serve(file);
                return lane;
            });
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
            for (Measure measure : MEASURES) {
                lanes.forEach(lane -> besideDirect(part, measure, lane));
                theirs.ifPresent(rival -> ours.forEach(lane -> beside(part, measure, lane, rival)));
            }
        } finally {
            lanes.forEach(OutsideLane::close);
        }
    }

    /** Adds it as soon as it is there, so that whatever happens it is closed. */
    private OutsideLane lane(Part part, String title, List<OutsideLane> lanes) {
        terminal.line(part + ", " + title);
        OutsideLane lane = new OutsideLane(title, part == Part.local);
        lanes.add(lane);
        return lane;
    }

    private static String title(Part part, Measure measure, OutsideLane lane) {
        return String.format(Locale.ROOT, "%s, %s: %s", part, lane.title(), measure.title());
    }

    private void besideDirect(Part part, Measure measure, OutsideLane lane) {
        Samples own = measure.of().apply(lane.service());
        Samples direct = measure.of().apply(lane.direct());
        table.note(
                title(part, measure, lane),
                own.show(measure.form(), measure.lowIsBad()),
                "the pod itself",
                direct.show(measure.form(), measure.lowIsBad()),
                OptionalDouble.of(own.dividedBy(direct).median()));
    }

    private void beside(Part part, Measure measure, OutsideLane lane, OutsideLane rival) {
        Samples own = measure.of().apply(lane.service());
        Samples theirs = measure.of().apply(rival.service());
        String title = title(part, measure, lane);
        String shown = own.show(measure.form(), measure.lowIsBad());
        String beside = theirs.show(measure.form(), measure.lowIsBad());
        double ratio = own.dividedBy(theirs).median();
        if (measure.lowIsBad()) {
            table.atLeast(title, shown, rival.title(), beside, ratio, 1);
        } else {
            table.atMostTimes(title, shown, rival.title(), beside, ratio, 1);
        }
    }
}
