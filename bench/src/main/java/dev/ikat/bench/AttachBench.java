package dev.ikat.bench;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.cluster.ReferenceHost;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.NamespacePool;
import dev.ikat.testbed.host.ProcessFootprint;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.Probe;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.IntStream;

/** Times ADD and DEL through the executables, one at a time and fifty at once, and weighs the agent. */
final class AttachBench {
    private static final int BLOCK = 10;
    private static final int BURST = 50;
    private static final int BURST_ROUNDS = 7;
    private static final int PODS_FOR_MEMORY = 200;
    private static final int WARM_UP = 20;
    private static final Duration QUIET_LIMIT = Duration.ofSeconds(30);

    private final Terminal terminal;
    private final BenchTable table;
    private final Set<Bench.Part> parts;
    private final int rounds;

    AttachBench(Terminal terminal, BenchTable table, Set<Bench.Part> parts, int rounds) {
        this.terminal = terminal;
        this.table = table;
        this.parts = parts;
        this.rounds = rounds;
    }

    /** One of those who take turns. */
    private record Contestant(
            String name, TestNamespace host, CniNetwork network, Samples add, Samples delete, Samples burst) {
        static Contestant of(String name, TestNamespace host, CniNetwork network) {
            return new Contestant(name, host, network, new Samples(), new Samples(), new Samples());
        }

        List<Stopwatch.Job> jobs(String command, List<CniNetwork.Sandbox> sandboxes, Path directory) {
            return sandboxes.stream()
                    .map(sandbox -> Stopwatch.Job.of(host, network, command, sandbox, directory))
                    .toList();
        }

        /** Waits until every link to a pod is gone: a DEL that left work behind must not slow the next one's turn. */
        void awaitQuiet() {
            Await.until(
                    QUIET_LIMIT,
                    () -> name + " leaves links: " + host.linkNames(),
                    () -> host.linkNames().stream()
                            .noneMatch(link -> link.startsWith("veth") || link.matches("ik[0-9a-f]{11}")));
        }
    }

    void run() {
        Cluster.Options options = Cluster.Options.nodes(1);
        try (Cluster cluster = Cluster.start(options);
                Cluster withEbpf = Cluster.start(options.withAgentArguments("--policy-backend=ebpf"));
                TestDirectory directory = TestDirectory.create();
                ReferenceHost bridge = ReferenceHost.bridge(directory.path());
                ReferenceHost ptp = ReferenceHost.ptp(directory.path());
                TestNamespace bare = TestNamespace.create();
                TestNamespace barePod = TestNamespace.create();
                NamespacePool pool = new NamespacePool(parts.contains(Bench.Part.memory) ? PODS_FOR_MEMORY : BURST)) {
            ClusterNode node = cluster.node(0);
            Contestant ikat = Contestant.of("ikat", node.namespace(), node.network());
            Contestant bridged = Contestant.of("bridge", bridge.namespace(), bridge.network());
            Contestant routed = Contestant.of("ptp", ptp.namespace(), ptp.network());
            List<Contestant> all = List.of(ikat, bridged, routed);
            warmUp(ikat, WARM_UP, pool, directory.path());
            warmUp(bridged, 1, pool, directory.path());
            warmUp(routed, 1, pool, directory.path());
            if (parts.contains(Bench.Part.attach)) {
                Samples floor = new Samples();
                attach(all, pool, directory.path(), () -> floor(bare, barePod, floor));
                reportAttach(ikat, bridged, routed, floor);
            }
            if (parts.contains(Bench.Part.burst)) {
                Contestant ebpf = Contestant.of(
                        "ikat with eBPF",
                        withEbpf.node(0).namespace(),
                        withEbpf.node(0).network());
                warmUp(ebpf, WARM_UP, pool, directory.path());
                burst(List.of(ikat, bridged, ebpf), pool, directory.path());
                Samples ratio = ikat.burst.dividedBy(bridged.burst);
                table.atLeast(
                        BURST + " ADDs at once, per second",
                        ikat.burst.show("%.0f", true),
                        "bridge + host-local",
                        bridged.burst.show("%.0f", true),
                        ratio.median(),
                        3.0);
                table.atLeast(
                        "the same with eBPF",
                        ebpf.burst.show("%.0f", true),
                        "ikat with nftables",
                        ikat.burst.show("%.0f", true),
                        ebpf.burst.dividedBy(ikat.burst).median(),
                        1 / 1.3);
            }
            if (parts.contains(Bench.Part.memory)) {
                memory(ikat, node, pool, directory.path());
            }
        }
    }

    private void warmUp(Contestant contestant, int blocks, NamespacePool pool, Path directory) {
        terminal.line(terminal.faint("  warming up " + contestant.name));
        for (int i = 0; i < blocks; i++) {
            List<CniNetwork.Sandbox> sandboxes = sandboxes(pool, BLOCK);
            Stopwatch.time(contestant.jobs("ADD", sandboxes, directory), 1);
            Stopwatch.time(contestant.jobs("DEL", sandboxes, directory), 1);
            contestant.awaitQuiet();
        }
    }

    private static List<CniNetwork.Sandbox> sandboxes(NamespacePool pool, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> ClusterNode.sandbox("bench-" + i, pool.get(i).path()))
                .toList();
    }

    /** What the kernel alone takes for the same wiring. */
    private static void floor(TestNamespace host, TestNamespace pod, Samples samples) {
        host.exec(
                        Probe.program().toString(),
                        "floor",
                        Integer.toString(BLOCK),
                        pod.path().toString())
                .lines()
                .forEach(line -> samples.add(Long.parseLong(line) / 1e6));
    }

    private void attach(List<Contestant> contestants, NamespacePool pool, Path directory, Runnable everyRound) {
        List<Contestant> turns = new ArrayList<>(contestants);
        for (int round = 0; round < rounds; round++) {
            terminal.line(terminal.faint("  ADD and DEL, round %d of %d".formatted(round + 1, rounds)));
            everyRound.run();
            for (Contestant contestant : turns) {
                List<CniNetwork.Sandbox> sandboxes = sandboxes(pool, BLOCK);
                Stopwatch.time(contestant.jobs("ADD", sandboxes, directory), 1)
                        .forEach(timing -> contestant.add.add(timing.milliseconds()));
                Stopwatch.time(contestant.jobs("DEL", sandboxes, directory), 1)
                        .forEach(timing -> contestant.delete.add(timing.milliseconds()));
                contestant.awaitQuiet();
            }
            Collections.rotate(turns, 1);
        }
    }

    private void reportAttach(Contestant ikat, Contestant bridged, Contestant routed, Samples floor) {
        String shown = ikat.add.show("%.2f", false);
        table.atMost("ADD, ms", shown, ikat.add.median(), 3.0, "ms");
        table.note(
                "ADD, ms",
                shown,
                "bare netlink in C",
                floor.show("%.2f", false),
                OptionalDouble.of(floor.median() / ikat.add.median()));
        compare("ADD, ms", ikat.add, "bridge + host-local", bridged.add, 3.0);
        compare("ADD, ms", ikat.add, "ptp ipMasq + host-local", routed.add, 8.0);
        compare("DEL, ms", ikat.delete, "bridge + host-local", bridged.delete, 5.0);
        table.note(
                "DEL, ms",
                ikat.delete.show("%.2f", false),
                "ptp ipMasq + host-local",
                routed.delete.show("%.2f", false),
                OptionalDouble.of(routed.delete.median() / ikat.delete.median()));
    }

    private void compare(String measure, Samples ikat, String beside, Samples theirs, double aim) {
        table.atLeast(
                measure,
                ikat.show("%.2f", false),
                beside,
                theirs.show("%.2f", false),
                theirs.median() / ikat.median(),
                aim);
    }

    private void burst(List<Contestant> contestants, NamespacePool pool, Path directory) {
        List<Contestant> turns = new ArrayList<>(contestants);
        for (int round = 0; round < BURST_ROUNDS; round++) {
            terminal.line(
                    terminal.faint("  %d ADDs at once, round %d of %d".formatted(BURST, round + 1, BURST_ROUNDS)));
            for (Contestant contestant : turns) {
                List<CniNetwork.Sandbox> sandboxes = sandboxes(pool, BURST);
                List<Stopwatch.Timing> timings = Stopwatch.time(contestant.jobs("ADD", sandboxes, directory), BURST);
                long start = timings.stream()
                        .mapToLong(Stopwatch.Timing::start)
                        .min()
                        .orElseThrow();
                long end =
                        timings.stream().mapToLong(Stopwatch.Timing::end).max().orElseThrow();
                contestant.burst.add(BURST / ((end - start) / 1e9));
                Stopwatch.time(contestant.jobs("DEL", sandboxes, directory), 4);
                contestant.awaitQuiet();
            }
            Collections.rotate(turns, 1);
        }
    }

    private void memory(Contestant ikat, ClusterNode node, NamespacePool pool, Path directory) {
        terminal.line(terminal.faint("  %d pods".formatted(PODS_FOR_MEMORY)));
        List<CniNetwork.Sandbox> sandboxes = sandboxes(pool, PODS_FOR_MEMORY);
        Stopwatch.time(ikat.jobs("ADD", sandboxes, directory), 4);
        double resident = ProcessFootprint.of(node.agent().pid()).residentMebibytes();
        table.atMost(
                "agent, resident MiB with %d pods".formatted(PODS_FOR_MEMORY),
                String.format(Locale.ROOT, "%.0f", resident),
                resident,
                160,
                "MiB");
        table.note(
                "  of which no file and no other process has it",
                String.format(
                        Locale.ROOT,
                        "%.0f",
                        ProcessFootprint.privateMebibytes(node.agent().pid())));
        Stopwatch.time(ikat.jobs("DEL", sandboxes, directory), 4);
        ikat.awaitQuiet();
    }
}
