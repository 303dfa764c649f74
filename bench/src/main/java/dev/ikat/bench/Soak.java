package dev.ikat.bench;

import dev.ikat.testbed.cluster.Cluster;
import dev.ikat.testbed.cluster.ClusterNode;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessFootprint;
import dev.ikat.testbed.report.Terminal;
import dev.ikat.testbed.traffic.NumberedStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./dev bench soak}: whether anything gets lost, leaks or passes against policy while everything happens at
 * once.
 */
@Command(
        name = "soak",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Whether anything is lost, leaks or passes against policy while pods, policies and "
                    + "killed agents come at once.",
            "Two nodes on which pods are added and deleted, 20 at once, while policies change 20 "
                    + "times a second and the first",
            "node's agent is killed each minute. Counts lost datagrams, wrong verdicts, addresses "
                    + "assigned twice, and what",
            "remains at the end; the second node's agent is never killed, and must not have more descriptors,",
            "threads and memory at the end than after the first quarter. The exit code is 3 if anything is wrong."
        })
public final class Soak implements Callable<Integer> {
    private static final Duration SAMPLE_EVERY = Duration.ofSeconds(10);
    private static final Duration QUIET_LIMIT = Duration.ofSeconds(60);
    private static final int SHOWN_FAULTS = 20;

    @Option(
            names = "--minutes",
            paramLabel = "N",
            description = "duration (default: ${DEFAULT-VALUE})",
            defaultValue = "20")
    private int minutes;

    @Option(names = "--policy-backend", paramLabel = "NAME", description = "policy backend (default: ${DEFAULT-VALUE})")
    private String backend = "nftables";

    @Option(
            names = "--at-once",
            paramLabel = "N",
            description = "pods that are added and deleted at the same time (default: ${DEFAULT-VALUE})",
            defaultValue = "20")
    private int atOnce;

    @Option(
            names = "--kill-every",
            paramLabel = "SECONDS",
            description = "interval at which the first node's agent is killed (default: ${DEFAULT-VALUE})",
            defaultValue = "60")
    private int killEvery;

    private final Terminal terminal = Terminal.standard();
    private final Queue<String> faults = new ConcurrentLinkedQueue<>();
    private final List<ProcessFootprint> footprints = new ArrayList<>();
    private final List<Double> heaps = new ArrayList<>();
    private int kills;

    @Override
    public Integer call() {
        Cluster.Options options = Cluster.Options.nodes(2).withAgentArguments("--policy-backend=" + backend);
        try (Cluster cluster = Cluster.start(options);
                SoakScene scene = new SoakScene(cluster, atOnce, this::fault);
                SoakPods pods = new SoakPods(
                        cluster.nodes(), atOnce, scene.friend(), scene.stranger(), scene.addresses(), this::fault)) {
            soak(cluster, scene, pods);
            scene.end();
            pods.end();
            cluster.nodes().forEach(this::awaitQuiet);
            BenchTable table = new BenchTable(terminal);
            long sent = scene.sent();
            List<NumberedStream.Count> streams = scene.endStreams();
            streams.stream()
                    .filter(stream -> stream.missing() > 0)
                    .forEach(stream -> terminal.line("  " + terminal.no() + " lost: " + stream.lost()));
            count(
                    table,
                    "datagrams lost, of " + sent,
                    streams.stream().mapToLong(NumberedStream.Count::missing).sum());
            count(table, "datagrams of the stranger that arrived", scene.intruded());
            count(table, "other faults", faults.size());
            footprint(table);
            note(table, "agents killed", kills);
            note(table, "ADDs and DELs", pods.cycles());
            note(table, "ADDs refused with code 11", pods.refused());
            note(table, "pods probed as they came", pods.probed());
            note(table, "policies changed", scene.changes());
            note(table, "guest admitted or not, and seen so", scene.effects());
            terminal.heading("%s, %d minutes, %d processors, kernel %s"
                    .formatted(
                            backend,
                            minutes,
                            Runtime.getRuntime().availableProcessors(),
                            System.getProperty("os.version")));
            table.print();
            faults.stream().limit(SHOWN_FAULTS).forEach(fault -> terminal.line("  " + terminal.no() + " " + fault));
            return table.exitCode();
        }
    }

    private void fault(String what) {
        if (faults.size() < SHOWN_FAULTS) {
            terminal.line("  " + terminal.no() + " " + what);
        }
        faults.add(what);
    }

    private void soak(Cluster cluster, SoakScene scene, SoakPods pods) {
        long end = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
        long nextKill = System.nanoTime() + Duration.ofSeconds(killEvery).toNanos();
        ClusterNode killed = cluster.node(0);
        ClusterNode spared = cluster.node(1);
        while (System.nanoTime() < end) {
            pause();
            footprints.add(ProcessFootprint.of(spared.agent().pid()));
            heaps.add(ProcessFootprint.liveHeapMebibytes(spared.agent().pid()));
            if (System.nanoTime() >= nextKill) {
                nextKill += Duration.ofSeconds(killEvery).toNanos();
                killed.killAgent();
                killed.startAgent();
                killed.awaitReady(Cluster.READY_LIMIT);
                kills++;
                terminal.line(terminal.faint(
                        "  %d min left: %d pods came and went, %d policies changed, %d kills, %s, %d faults"
                                .formatted(
                                        Duration.ofNanos(end - System.nanoTime())
                                                .toMinutes(),
                                        pods.cycles(),
                                        scene.changes(),
                                        kills,
                                        footprints.getLast(),
                                        faults.size())));
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(SAMPLE_EVERY);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted");
        }
    }

    /** Once all that came has gone, only what stays has links, routes and leases. */
    private void awaitQuiet(ClusterNode node) {
        try {
            Await.until(
                    QUIET_LIMIT,
                    () -> "%s has pods %s, but links %s, routes %s, and of leases %s"
                            .formatted(node, node.pods(), node.podLinks(), node.podRoutes(), leased(node)),
                    () -> node.podLinks().size() == node.pods().size()
                            && node.podRoutes().size() == 2 * node.pods().size()
                            && leased(node).stream()
                                    .allMatch(line -> line.endsWith(
                                            " " + (double) node.pods().size())));
        } catch (CommandFailedException e) {
            fault("left over: " + e.getMessage());
        }
    }

    private static List<String> leased(ClusterNode node) {
        return node.metrics()
                .lines()
                .filter(line -> line.startsWith("ikat_addresses{") && line.contains("leased"))
                .toList();
    }

    private static void count(BenchTable table, String measure, long value) {
        table.atMost(measure, Long.toString(value), (double) value, 0, "");
    }

    private static void note(BenchTable table, String measure, long value) {
        table.note(measure, Long.toString(value));
    }

    /** The last quarter beside the second, as in the first the machine's code is still being compiled. */
    private void footprint(BenchTable table) {
        int quarter = footprints.size() / 4;
        if (quarter == 0) {
            return;
        }
        List<ProcessFootprint> before = footprints.subList(quarter, 2 * quarter);
        List<ProcessFootprint> after = footprints.subList(footprints.size() - quarter, footprints.size());
        growth(
                table,
                "descriptors of an agent",
                median(before, f -> f.descriptors()),
                median(after, f -> f.descriptors()),
                1.1);
        growth(table, "threads of an agent", median(before, f -> f.threads()), median(after, f -> f.threads()), 1.1);
        growth(
                table,
                "live heap of an agent, MiB",
                median(heaps.subList(quarter, 2 * quarter), heap -> heap),
                median(heaps.subList(heaps.size() - quarter, heaps.size()), heap -> heap),
                1.25);
        growth(
                table,
                "resident MiB of an agent",
                median(before, ProcessFootprint::residentMebibytes),
                median(after, ProcessFootprint::residentMebibytes),
                1.1);
    }

    private static <T> double median(List<T> of, ToDoubleFunction<T> what) {
        Samples samples = new Samples();
        of.forEach(each -> samples.add(what.applyAsDouble(each)));
        return samples.median();
    }

    private static void growth(BenchTable table, String measure, double before, double after, double aim) {
        table.atMostTimes(
                measure,
                "%.0f".formatted(after),
                "in the second quarter",
                "%.0f".formatted(before),
                after / before,
                aim);
    }
}
