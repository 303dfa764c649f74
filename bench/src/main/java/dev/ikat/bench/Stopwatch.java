package dev.ikat.bench;

import dev.ikat.testbed.cluster.CniNetwork;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.ProcessRunner;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.traffic.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Times programs from before their exec until they have been waited for, by {@code ikat-probe run}. */
final class Stopwatch {
    private Stopwatch() {}

    /**
     * One execution.
     *
     * @param host the namespace that the program runs in
     * @param program its absolute path; it gets no arguments
     * @param input a file that is its standard input
     * @param environment all of its environment
     */
    record Job(TestNamespace host, Path program, Path input, Map<String, String> environment) {
        /** What a runtime executes for the first plugin of a network; the input is written into {@code directory}. */
        static Job of(
                TestNamespace host, CniNetwork network, String command, CniNetwork.Sandbox sandbox, Path directory) {
            Json plugin = network.first();
            Path input = directory.resolve(network.name() + ".json");
            try {
                if (!Files.exists(input)) {
                    Files.writeString(
                            input,
                            network.input(plugin, java.util.Optional.empty()).render());
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            Map<String, String> environment = network.environment(command, CniNetwork.variables(sandbox));
            return new Job(host, network.program(plugin), input, environment);
        }
    }

    /**
     * How it went.
     *
     * @param start when it began, on the monotonic clock in nanoseconds
     * @param end when it had ended
     */
    record Timing(long start, long end) {
        double milliseconds() {
            return (end - start) / 1e6;
        }
    }

    /**
     * Runs the jobs in their order, at most {@code parallel} at a time.
     *
     * @throws CommandFailedException if any has another exit code than 0, with what it printed
     */
    static List<Timing> time(List<Job> jobs, int parallel) {
        StringBuilder input = new StringBuilder();
        for (Job job : jobs) {
            input.append(job.program)
                    .append('\t')
                    .append(job.input)
                    .append('\t')
                    .append(job.host.path());
            job.environment.forEach(
                    (name, value) -> input.append('\t').append(name).append('=').append(value));
            input.append('\n');
        }
        List<String> lines = ProcessRunner.of(Probe.program().toString(), "run", "-p", Integer.toString(parallel))
                .withInput(input.toString())
                .withLimit(Duration.ofMinutes(5))
                .run()
                .orThrow()
                .stdout()
                .lines()
                .toList();
        List<Timing> timings = new ArrayList<>();
        for (int i = 0; i < jobs.size(); i++) {
            String[] fields = lines.get(i).split(" ", 5);
            if (!fields[1].equals("0")) {
                throw new CommandFailedException("%s %s ended with exit code %s: %s"
                        .formatted(
                                jobs.get(i).program, jobs.get(i).environment.get("CNI_COMMAND"), fields[1], fields[4]));
            }
            timings.add(new Timing(Long.parseLong(fields[2]), Long.parseLong(fields[3])));
        }
        return timings;
    }
}
