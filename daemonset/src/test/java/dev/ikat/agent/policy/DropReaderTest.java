package dev.ikat.agent.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.IpAddress;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.netfilter.PacketHeader;
import dev.ikat.policy.program.Evaluator;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(20)
class DropReaderTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final BlockingQueue<Object> said = new LinkedBlockingQueue<>();
    private final PrometheusRegistry registry = new PrometheusRegistry();

    /** A log that says what it is told to: packets, or an exception. */
    private final class Told implements PacketLog {
        @Override
        public List<LoggedPacket> poll(Duration timeout) {
            try {
                Object next = said.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
                if (next instanceof RuntimeException e) {
                    throw e;
                }
                return next instanceof LoggedPacket packet ? List.of(packet) : List.of();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public long lost() {
            return 0;
        }

        @Override
        public void close() {
            said.add("the end");
        }
    }

    private DropReader reader(Duration retry) {
        return new DropReader(
                new Told(),
                new Evaluator(new PolicyProgram(Map.of(), Map.of())),
                _ -> Optional.empty(),
                registry,
                Clock.systemUTC(),
                retry);
    }

    private double errors() {
        return registry.scrape(name -> name.equals("ikat_policy_drops_read_errors")).stream()
                .flatMap(metric -> ((CounterSnapshot) metric).getDataPoints().stream())
                .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                .sum();
    }

    @Test
    void readsOnAfterAFailure() {
        try (DropReader reader = reader(Duration.ofMillis(20))) {
            for (int i = 0; i < 3; i++) {
                said.add(new IllegalStateException("expected by the test"));
            }
            said.add(packet(80));
            Await.until(
                    LIMIT,
                    () -> errors() + " errors, no drop",
                    () -> !reader.recent().isEmpty());

            assertThat(reader.recent())
                    .singleElement()
                    .satisfies(drop -> assertThat(drop.flow().destinationPort()).isEqualTo(80));
            assertThat(errors()).isEqualTo(3);
        }
    }

    @Test
    void pausesAfterAFailureButNotWhenItIsClosed() throws InterruptedException {
        // Closing waits for the thread: not for an hour, or the test's limit ends it.
        try (DropReader reader = reader(Duration.ofHours(1))) {
            said.add(new IllegalStateException("expected by the test"));
            said.add(packet(80));
            Await.until(LIMIT, () -> "no error", () -> errors() > 0);
            Thread.sleep(100);

            assertThat(reader.recent()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"ikat p,tunnel-from-pod", "ikat x,tunnel-from-stranger", "ikat b,spoofed-node-block"})
    void whatTheGuardDropsHasCausesOfItsOwn(String prefix, String label) {
        try (DropReader reader = reader(Duration.ofHours(1))) {
            reader.take(packet(prefix, 8472));

            assertThat(reader.recent())
                    .singleElement()
                    .satisfies(drop -> assertThat(drop.pairs()).containsEntry("drop", label));
        }
    }

    /** A packet that was dropped on its way into a pod. */
    private static LoggedPacket packet(int port) {
        return packet("ikat i", port);
    }

    private static LoggedPacket packet(String prefix, int port) {
        return new LoggedPacket(
                prefix,
                LoggedPacket.FORWARD,
                1,
                2,
                Optional.empty(),
                0,
                Optional.of(
                        new PacketHeader(IpAddress.parse("10.244.1.2"), IpAddress.parse("10.244.1.3"), 6, 1234, port)));
    }
}
