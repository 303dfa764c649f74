package dev.ikat.bench;

import static dev.ikat.policy.compiler.ClusterText.added;
import static dev.ikat.policy.compiler.ClusterText.removed;
import static dev.ikat.policy.compiler.ClusterText.updated;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Pod;
import dev.ikat.policy.compiler.PolicyCompiler;
import dev.ikat.policy.compiler.PolicyInput;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.report.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;

/** {@code ./dev bench scale}: what compiling policies costs in a large cluster. */
@Command(
        name = "scale",
        mixinStandardHelpOptions = true,
        usageHelpWidth = 120,
        description = {
            "What compiling policies costs in a large cluster, without a kernel.",
            "The cluster has 1,000 nodes, 100,000 pods with two addresses, 1,000 namespaces and "
                    + "10,000 policies, of which one",
            "node with 110 pods compiles its own. Needs no root. The exit code is 3 if an aim is not met."
        })
final class ScaleBench implements Callable<Integer> {
    private static final int NODES = 1_000;
    private static final int NAMESPACES = 1_000;
    private static final int PODS = 100_000;
    private static final int LOCAL = 110;
    private static final int EVENTS = 5_000;
    private static final double MEBIBYTE = 1024.0 * 1024;

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);
    private final PolicyCompiler compiler = new PolicyCompiler("node");
    private long changedSets;

    private ScaleBench() {}

    @Override
    public Integer call() {
        SampleCluster cluster = new SampleCluster(NODES, NAMESPACES, PODS);
        firstCompile(cluster);
        changes(cluster);
        terminal.heading("policies of %,d pods, compiled for %d".formatted(PODS, LOCAL));
        return table.conclude();
    }

    private void firstCompile(SampleCluster cluster) {
        cluster.endpoints(LOCAL).forEach(endpoint -> compiler.update(List.of(new PolicyInput.Wired(endpoint))));
        compileAll(cluster.everything());
        double heap = heapInUse() / MEBIBYTE;
        table.atMost("heap after it, with all objects of the cluster, MiB", shown(heap), heap, 400, "MiB");
        long start = System.nanoTime();
        PolicyProgram program = compiler.program();
        note("snapshot of %d programs, ms".formatted(program.pods().size()), (System.nanoTime() - start) / 1e6);
    }

    private void compileAll(ClusterChange everything) {
        long cpu = processorTime();
        long start = System.nanoTime();
        PolicyChange first = compiler.update(everything);
        double seconds = (System.nanoTime() - start) / 1e9;
        table.atMost("first compilation, in a cold JVM, s", shown(seconds), seconds, 3, "s");
        note("  of which the processor was its own, s", (processorTime() - cpu) / 1e9);
        note("  its programs", first.programs().size());
        note("  its sets", first.addedSets().size());
        note(
                "  their members",
                first.addedSets().stream().mapToInt(set -> set.members().size()).sum());
    }

    private void changes(SampleCluster cluster) {
        // Each kind takes turns with the others, as in life, and the first round only warms the JVM up.
        Samples adds = new Samples();
        Samples relabels = new Samples();
        Samples removes = new Samples();
        Samples wirings = new Samples();
        for (int round = 0; round < 2; round++) {
            adds.clear();
            relabels.clear();
            removes.clear();
            wirings.clear();
            for (int i = 0; i < EVENTS; i++) {
                Pod pod = cluster.pod(PODS + i);
                Pod other = cluster.relabelled(pod);
                Endpoint endpoint = SampleCluster.endpoint(other);
                ClusterChange add = added(pod);
                ClusterChange relabel = updated(pod, other);
                ClusterChange remove = removed(other);
                adds.add(time(() -> compiler.update(add)));
                relabels.add(time(() -> compiler.update(relabel)));
                wirings.add(time(() -> compiler.update(List.of(new PolicyInput.Wired(endpoint)))));
                compiler.update(List.of(new PolicyInput.Unwired(endpoint.hostInterface())));
                removes.add(time(() -> compiler.update(remove)));
            }
        }
        percentiles("one pod added elsewhere", adds);
        percentiles("one pod relabelled elsewhere", relabels);
        percentiles("one pod removed elsewhere", removes);
        note("one pod wired here, in a namespace new to the node, µs", wirings.median());
        note("  sets that one of these changes", changedSets / (8.0 * EVENTS));
    }

    private double time(Supplier<PolicyChange> event) {
        long start = System.nanoTime();
        PolicyChange change = event.get();
        double microseconds = (System.nanoTime() - start) / 1e3;
        changedSets += change.changedSets().size();
        return microseconds;
    }

    private void percentiles(String measure, Samples microseconds) {
        double median = microseconds.median();
        double worst = microseconds.quantile(0.99);
        table.atMost(measure + ", median, µs", shown(median), median, 200, "µs");
        table.atMost(measure + ", 99th percentile, µs", shown(worst), worst, 2_000, "µs");
    }

    private void note(String measure, double value) {
        table.note(measure, shown(value));
    }

    private static String shown(double value) {
        return String.format(Locale.ROOT, value < 1_000 && value != Math.rint(value) ? "%.2f" : "%,.0f", value);
    }

    /** Nanoseconds that this thread has had a processor: others may want it at the same time (proc(5), schedstat). */
    private static long processorTime() {
        try {
            String times = Files.readString(Path.of("/proc/thread-self/schedstat"));
            return Long.parseLong(times.substring(0, times.indexOf(' ')));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double heapInUse() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
