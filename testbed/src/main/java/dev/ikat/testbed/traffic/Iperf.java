package dev.ikat.testbed.traffic;

import dev.ikat.model.IpAddress;
import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.Json;
import dev.ikat.testbed.host.TestDirectory;
import dev.ikat.testbed.host.TestNamespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** TCP streams of iperf3: one for measurements, and one as load. */
public final class Iperf {
    /** The server's port. */
    public static final int PORT = 5201;

    private static final int ATTEMPTS = 3;
    private static final Duration LIMIT = Duration.ofSeconds(3);
    private static final Duration PROGRESS_LIMIT = Duration.ofSeconds(10);

    private Iperf() {}

    /** A TCP stream of 200 Mbit/s that runs until it is closed, at most for an hour. */
    public static final class Stream implements AutoCloseable {
        /** Bits per second: enough to be interrupted at any moment, and the processors stay free for the tests. */
        private static final String RATE = "200M";

        private static final Pattern ACKED = Pattern.compile("bytes_acked:(\\d+)");

        private final TestNamespace client;
        private final Process sending;
        private final Process listening;
        private final TestDirectory directory;

        private Stream(TestNamespace client, Process sending, Process listening, TestDirectory directory) {
            this.client = client;
            this.sending = sending;
            this.listening = listening;
            this.directory = directory;
        }

        /** Begins to send. */
        public static Stream start(TestNamespace client, TestNamespace server, IpAddress to) {
            TestDirectory directory = TestDirectory.create();
            String port = Integer.toString(PORT);
            Process listening = server.runner("iperf3", "-s", "-1", "-p", port)
                    .startInBackground(directory.path().resolve("server.log"));
            awaitListening(server);
            Process sending = client.runner("iperf3", "-c", to.toString(), "-p", port, "-t", "3600", "-b", RATE)
                    .startInBackground(directory.path().resolve("client.log"));
            return new Stream(client, sending, listening, directory);
        }

        /**
         * Waits until more has arrived than at the call; fails after ten seconds without progress, as when the
         * connection is broken.
         */
        public void awaitProgress() {
            long before = acknowledged();
            Await.until(
                    PROGRESS_LIMIT,
                    () -> "the stream makes no progress after " + acknowledged() + " bytes",
                    () -> acknowledged() > before);
        }

        /** How many bytes the server's kernel has acknowledged; 0 where the connection is not there (any more). */
        private long acknowledged() {
            return sending.isAlive()
                    ? ACKED.matcher(client.exec("ss", "-Htin", "state", "established", "dport", "=", ":" + PORT))
                            .results()
                            .mapToLong(result -> Long.parseLong(result.group(1)))
                            .max()
                            .orElse(0)
                    : 0;
        }

        @Override
        public void close() {
            sending.destroyForcibly();
            listening.destroyForcibly();
            directory.close();
        }
    }

    private static void awaitListening(TestNamespace server) {
        Await.until(
                LIMIT,
                () -> "iperf3 does not listen",
                () -> server.exec("ss", "-Hltn", "sport", "=", ":" + PORT).contains("LISTEN"));
    }

    /**
     * The rate in Gbit/s, after a first second that does not count. The server is on the first processor, the client on
     * the second: unpinned, rates fall into two groups.
     *
     * @param seconds the duration of the measurement
     * @throws CommandFailedException if there is no connection
     */
    public static double gigabitsPerSecond(TestNamespace client, TestNamespace server, IpAddress to, int seconds) {
        return gigabitsPerSecond(client, server, to, seconds, List.of());
    }

    /** The same of what the server sends to the client. */
    public static double gigabitsPerSecondBack(TestNamespace client, TestNamespace server, IpAddress to, int seconds) {
        return gigabitsPerSecond(client, server, to, seconds, List.of("--reverse"));
    }

    private static double gigabitsPerSecond(
            TestNamespace client, TestNamespace server, IpAddress to, int seconds, List<String> options) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<Double> rate = tryOnce(client, server, to, seconds, options);
            if (rate.isPresent()) {
                return rate.get();
            }
        }
        throw new CommandFailedException("iperf3 to " + to + " reported no rate in " + ATTEMPTS + " attempts");
    }

    /** Empty where iperf3 ended its report without what the receiver got, as it sometimes does on a busy machine. */
    private static Optional<Double> tryOnce(
            TestNamespace client, TestNamespace server, IpAddress to, int seconds, List<String> options) {
        try (TestDirectory directory = TestDirectory.create()) {
            Path log = directory.path().resolve("server.log");
            Process listening = server.runner("taskset", "-c", "0", "iperf3", "-s", "-1", "-p", Integer.toString(PORT))
                    .startInBackground(log);
            try {
                awaitListening(server);
                List<String> command = new ArrayList<>(List.of("taskset", "-c", "1", "iperf3", "-J", "-O", "1"));
                command.addAll(List.of("-c", to.toString(), "-p", Integer.toString(PORT)));
                command.addAll(List.of("-t", Integer.toString(seconds)));
                command.addAll(options);
                Json report = Json.parse(client.runner(command.toArray(String[]::new))
                        .run()
                        .orThrow()
                        .stdout());
                return report.get("end")
                        .get("sum_received")
                        .get("bits_per_second")
                        .asText()
                        .map(bits -> Double.parseDouble(bits) / 1e9);
            } finally {
                listening.destroyForcibly();
            }
        }
    }
}
