package dev.ikat.bench;

import dev.ikat.testbed.host.Await;
import dev.ikat.testbed.host.CommandFailedException;
import dev.ikat.testbed.host.ProcessCpu;
import dev.ikat.testbed.host.TestNamespace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** From a change of a service among many to the route in a router's kernel, and what that costs the node. */
final class BgpServices {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final int IDLE_SECONDS = 20;
    private static final double AIM_MILLIS = 1000;

    private final BenchTable table;
    private final int count;
    private final Map<String, Long> seen = new ConcurrentHashMap<>();

    BgpServices(BenchTable table, int count) {
        this.table = table;
        this.count = count;
    }

    /** Measures the start, no changes, and one change a second. */
    void measure(int changes) throws IOException, InterruptedException {
        try (BgpApi scene = new BgpApi()) {
            scene.putPeer();
            for (int i = 0; i < count; i++) {
                scene.putService(i, address(20, i));
            }
            scene.startRouter("""
                    protocol bgp node { local as 64500; neighbor %s as 64512; connect delay time 1; connect retry time 1;
                      ipv4 { import all; export none; }; }
                    """.formatted(scene.node.internalIps().getFirst().address()));
            TestNamespace router = scene.cluster.underlay().namespace();
            long start = System.nanoTime();
            scene.startAgent();
            Await.until(LIMIT, () -> "the router has " + routes(router) + " routes", () -> routes(router) == count);
            note("the agent's start until the router has all of %,d addresses, s", "%.1f", seconds(start));
            scene.node.awaitReady(LIMIT);
            Process monitor =
                    router.runner("stdbuf", "-oL", "ip", "monitor", "route").startConversation();
            Thread.ofPlatform().daemon().start(() -> follow(monitor));
            try {
                // What the start leaves to do is done by then.
                Thread.sleep(SECOND.multipliedBy(5));
                cost("nothing changes", scene, IDLE_SECONDS, _ -> {});
                Samples latencies = new Samples();
                cost("a service changes each second", scene, changes, i -> latencies.add(change(scene, i)));
                table.atMost(
                        "%,d addresses: from the API's change of one to the router's kernel, ms: median (longest)"
                                .formatted(count),
                        String.format(Locale.ROOT, "%.0f (%.0f)", latencies.median(), latencies.quantile(1)),
                        latencies.quantile(1),
                        AIM_MILLIS,
                        "ms");
            } finally {
                monitor.destroyForcibly();
            }
        }
    }

    /** One address of 65,536. */
    private static String address(int second, int number) {
        return "10.%d.%d.%d".formatted(second, number / 256, number % 256);
    }

    private static int routes(TestNamespace router) {
        return (int) router.ip("route", "show", "proto", "bird").lines().count();
    }

    /** Notes when each route came. */
    private void follow(Process monitor) {
        try (BufferedReader lines = monitor.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                seen.putIfAbsent(line.split(" ", 2)[0], System.nanoTime());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the milliseconds until the router's kernel has the other address. */
    private double change(BgpApi scene, int number) {
        String address = address(30, number);
        long start = System.nanoTime();
        scene.putService(number * (count / 100 + 1) % count, address);
        Await.until(LIMIT, () -> "the router has no route to " + address, () -> seen.containsKey(address));
        return (seen.getOrDefault(address, start) - start) / 1e6;
    }

    /** What happens in one second. */
    @FunctionalInterface
    private interface Second {
        void pass(int number);
    }

    /** The share of a processor that the agent with the programs that it starts, and BIRD, use meanwhile. */
    private void cost(String what, BgpApi scene, int seconds, Second second) {
        long agent = scene.node.agent().pid();
        long bird = scene.node.bird().orElseThrow().pid();
        Duration agentBefore = ProcessCpu.withChildren(agent);
        Duration birdBefore = ProcessCpu.withChildren(bird);
        long start = System.nanoTime();
        for (int i = 0; i < seconds; i++) {
            second.pass(i);
            pauseUntil(start + SECOND.multipliedBy(i + 1L).toNanos());
        }
        double elapsed = seconds(start);
        note(what + ": the agent uses of a processor, %", "%.1f", share(agentBefore, agent, elapsed));
        note(what + ": BIRD uses of a processor, %", "%.1f", share(birdBefore, bird, elapsed));
    }

    private static double share(Duration before, long pid, double seconds) {
        return 100 * ProcessCpu.withChildren(pid).minus(before).toNanos() / 1e9 / seconds;
    }

    private static void pauseUntil(long moment) {
        try {
            long left = moment - System.nanoTime();
            Thread.sleep(Duration.ofNanos(Math.max(0, left)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailedException("interrupted");
        }
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    private void note(String measure, String format, double value) {
        table.note(
                measure.contains("%,d") ? measure.formatted(count) : measure,
                String.format(Locale.ROOT, format, value));
    }
}
