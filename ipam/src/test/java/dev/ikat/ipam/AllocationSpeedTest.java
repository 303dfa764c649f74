package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.TestDirectory;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class AllocationSpeedTest {
    private static final NetworkName NETWORK = new NetworkName("pods");
    private static final AddressPlan PLAN = AddressPlan.of(Cidr.parse("10.1.0.0/16"));
    private static final int FILLED = 65_534 * 99 / 100;
    private static final int ROUNDS = 3000;

    private static Attachment pod(int number) {
        return new Attachment(new ContainerId("pod-" + number), new InterfaceName("eth0"));
    }

    @Test
    void fullRangeAllocatesWithinFiftyMicroseconds() {
        try (TestDirectory directory = TestDirectory.create();
                LeaseStore store = LeaseStore.open(directory.path().resolve("leases"), Clock.systemUTC())) {
            for (int i = 0; i < FILLED; i++) {
                store.allocate(pod(i), NETWORK, Optional.empty(), PLAN, List.of());
            }
            long[] times = new long[ROUNDS];
            for (int i = 0; i < ROUNDS; i++) {
                Attachment pod = pod(FILLED + i);
                long start = System.nanoTime();
                store.allocate(pod, NETWORK, Optional.empty(), PLAN, List.of());
                times[i] = System.nanoTime() - start;
                store.free(pod);
            }
            Arrays.sort(times);
            System.out.printf(
                    "a /16 filled to 99%%: allocate p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us (lock and write included)%n",
                    times[ROUNDS / 2] / 1e3,
                    times[ROUNDS * 9 / 10] / 1e3,
                    times[ROUNDS * 99 / 100] / 1e3,
                    times[ROUNDS - 1] / 1e3);

            assertThat(Duration.ofNanos(times[ROUNDS / 2])).isLessThan(Duration.ofNanos(50_000));
        }
    }
}
