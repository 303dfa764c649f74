package dev.ikat.testbed;

import dev.ikat.model.IpAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** One measurement of a TCP stream by iperf3. */
public final class Iperf {
    /** Where the server listens. */
    public static final int PORT = 5201;

    private static final int ATTEMPTS = 3;
    private static final Duration LIMIT = Duration.ofSeconds(3);

    private Iperf() {}

    /**
     * The rate in Gbit/s, after a first second that does not count. The server is on the first processor, the client on
     * the second: unpinned, rates fall into two groups.
     *
     * @param seconds how long it takes
     * @throws CommandFailedException if there is no connection
     */
    public static double gigabitsPerSecond(TestNamespace client, TestNamespace server, IpAddress to, int seconds) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<Double> rate = tryOnce(client, server, to, seconds);
            if (rate.isPresent()) {
                return rate.get();
            }
        }
        throw new CommandFailedException("iperf3 to " + to + " reported no rate in " + ATTEMPTS + " attempts");
    }

    /** Empty where iperf3 ended its report without what the receiver got, as it sometimes does on a busy machine. */
    private static Optional<Double> tryOnce(TestNamespace client, TestNamespace server, IpAddress to, int seconds) {
        try (TestDirectory directory = TestDirectory.create()) {
            Path log = directory.path().resolve("server.log");
            Process listening = server.runner("taskset", "-c", "0", "iperf3", "-s", "-1", "-p", Integer.toString(PORT))
                    .startInBackground(log);
            try {
                Await.until(
                        LIMIT,
                        () -> "iperf3 does not listen",
                        () -> server.exec("ss", "-Hltn", "sport", "=", ":" + PORT)
                                .contains("LISTEN"));
                Json report = Json.parse(client.runner(
                                "taskset",
                                "-c",
                                "1",
                                "iperf3",
                                "-J",
                                "-c",
                                to.toString(),
                                "-p",
                                Integer.toString(PORT),
                                "-t",
                                Integer.toString(seconds),
                                "-O",
                                "1")
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
