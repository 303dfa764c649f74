package dev.ikat.bench.micro;

import dev.ikat.bench.BenchTable;
import dev.ikat.testbed.report.Terminal;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import org.openjdk.jmh.util.Statistics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./dev bench micro}: runs the benchmarks of this package by JMH, and prints a table of their results. */
@Command(
        name = "micro",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpWidth = 120,
        description = {
            "Parts of an ADD, a policy change and an API event that need no kernel, by JMH.",
            "Each benchmark runs in JVMs of its own, one after the other. The table has "
                    + "microseconds: the median of the",
            "iterations, in parentheses the slowest, and what one call allocates. A ratio is Ikat's time divided by the",
            "other's, so less is better. Needs no root, and takes some two minutes. The exit code is "
                    + "3 if an aim is not met."
        })
public final class MicroBench implements Callable<Integer> {
    private static final List<Class<?>> BENCHMARKS = List.of(
            CniMessageBenchmark.class,
            LeaseBenchmark.class,
            NetlinkBenchmark.class,
            PolicyBenchmark.class,
            ApiEventBenchmark.class,
            LogLineBenchmark.class);
    private static final String ALLOCATED = "gc.alloc.rate.norm";

    @Parameters(
            arity = "0..1",
            paramLabel = "REGEX",
            description = "only rows that match: in the text, or in CLASS.METHOD (default: all)")
    private String filter = "";

    @Option(
            names = "--forks",
            paramLabel = "N",
            description = "number of JVMs for each benchmark (default: ${DEFAULT-VALUE})",
            defaultValue = "1")
    private int forks;

    @Option(
            names = "--iterations",
            paramLabel = "N",
            description = "measured iterations in each JVM, after two for the warm-up (default: ${DEFAULT-VALUE})",
            defaultValue = "4")
    private int iterations;

    @Option(
            names = "--milliseconds",
            paramLabel = "N",
            description = "length of an iteration (default: ${DEFAULT-VALUE})",
            defaultValue = "800")
    private int milliseconds;

    @Option(names = "--list", description = "only list the rows")
    private boolean listOnly;

    private final Terminal terminal = Terminal.standard();
    private final BenchTable table = new BenchTable(terminal);
    private final Map<String, Measured> measured = new HashMap<>();

    /** Microseconds, and what a call allocates. */
    private record Measured(double median, double slowest, double bytes) {
        static Measured of(RunResult result) {
            Statistics times = result.getPrimaryResult().getStatistics();
            Result<?> allocated = result.getSecondaryResults().get(ALLOCATED);
            return new Measured(
                    times.getPercentile(50), times.getMax(), allocated == null ? Double.NaN : allocated.getScore());
        }

        String shown() {
            String form = median < 1 ? "%.3f (%.3f)" : median < 1000 ? "%.2f (%.2f)" : "%,.0f (%,.0f)";
            return String.format(Locale.ROOT, form + ", %,.0f B", median, slowest, bytes);
        }
    }

    /** A row that is to be filled. */
    private record Entry(Row row, String benchmark, String peer) {
        static Entry of(Method method) {
            Row row = method.getAnnotation(Row.class);
            String type = method.getDeclaringClass().getName();
            return new Entry(row, type + "." + method.getName(), row.peer().isEmpty() ? "" : type + "." + row.peer());
        }

        String simpleName() {
            return benchmark.substring(MicroBench.class.getPackageName().length() + 1);
        }
    }

    @Override
    public Integer call() throws RunnerException {
        Pattern wanted = Pattern.compile(filter);
        List<Entry> entries = BENCHMARKS.stream()
                .flatMap(type -> Arrays.stream(type.getDeclaredMethods())
                        .filter(method -> method.isAnnotationPresent(Row.class))
                        // Reflection has no order of its own.
                        .sorted(Comparator.comparing(Method::getName)))
                .map(Entry::of)
                .filter(entry -> wanted.matcher(entry.simpleName()).find()
                        || wanted.matcher(entry.row.value()).find())
                .toList();
        if (entries.isEmpty()) {
            terminal.line("nothing matches '" + filter + "'; --list prints all rows");
            return 2;
        }
        if (listOnly) {
            List<List<String>> rows = new ArrayList<>(List.of(List.of("benchmark", "measure", "beside")));
            entries.forEach(entry -> rows.add(List.of(entry.simpleName(), entry.row.value(), entry.row.beside())));
            terminal.table(rows);
            return 0;
        }
        measure(entries);
        entries.forEach(this::report);
        terminal.heading("parts of the agent, by JMH, µs and bytes");
        return table.conclude();
    }

    /** A pair runs one after the other, so that a shared machine is nearly the same for both. */
    private void measure(List<Entry> entries) throws RunnerException {
        List<String> names = entries.stream()
                .flatMap(entry -> Stream.of(entry.benchmark, entry.peer))
                .filter(name -> !name.isEmpty())
                .distinct()
                .toList();
        for (String name : names) {
            terminal.line(terminal.faint("  %s, %d of %d"
                    .formatted(
                            name.substring(name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1),
                            measured.size() + 1,
                            names.size())));
            Options options = new OptionsBuilder()
                    .include("^" + Pattern.quote(name) + "$")
                    .mode(Mode.AverageTime)
                    .timeUnit(TimeUnit.MICROSECONDS)
                    .forks(forks)
                    .warmupIterations(2)
                    .warmupTime(TimeValue.milliseconds(milliseconds))
                    .measurementIterations(iterations)
                    .measurementTime(TimeValue.milliseconds(milliseconds))
                    .addProfiler(GCProfiler.class)
                    .shouldFailOnError(true)
                    .verbosity(VerboseMode.SILENT)
                    .build();
            Collection<RunResult> results = new Runner(options).run();
            measured.put(name, Measured.of(results.iterator().next()));
        }
    }

    private void report(Entry entry) {
        Row row = entry.row;
        Measured ours = measured.get(entry.benchmark);
        Measured theirs = measured.get(entry.peer);
        if (ours == null) {
            throw new IllegalStateException(entry.benchmark + " was not measured");
        }
        double ratio = theirs == null ? Double.NaN : ours.median / theirs.median;
        if (theirs != null && row.atMostTimes() > 0) {
            table.atMostTimes(row.value(), ours.shown(), row.beside(), theirs.shown(), ratio, row.atMostTimes());
        } else {
            table.note(
                    row.value(),
                    ours.shown(),
                    row.beside(),
                    theirs == null ? "" : theirs.shown(),
                    theirs == null ? OptionalDouble.empty() : OptionalDouble.of(ratio));
        }
        if (row.atMostMicroseconds() > 0) {
            table.atMost("  its limit, µs", ours.shown(), ours.median, row.atMostMicroseconds(), "µs");
        }
    }
}
