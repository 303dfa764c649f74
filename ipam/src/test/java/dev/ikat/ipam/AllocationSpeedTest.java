package dev.ikat.ipam;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.model.Attachment;
import dev.ikat.model.Cidr;
import dev.ikat.model.ContainerId;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.NetworkName;
import dev.ikat.testbed.host.TestDirectory;
import java.time.Clock;
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
    void fullRangeAllocatesLikeAnEmptyOne() {
        try (TestDirectory directory = TestDirectory.create();
                LeaseStore full = LeaseStore.open(directory.path().resolve("full"), Clock.systemUTC());
                LeaseStore empty = LeaseStore.open(directory.path().resolve("empty"), Clock.systemUTC())) {
            for (int i = 0; i < FILLED; i++) {
                full.allocate(pod(i), NETWORK, Optional.empty(), PLAN, List.of());
            }
            long[] times = new long[ROUNDS];
            long[] besides = new long[ROUNDS];
            for (int i = 0; i < ROUNDS; i++) {
                times[i] = time(full, pod(FILLED + i));
                besides[i] = time(empty, pod(FILLED + i));
            }
            Arrays.sort(times);
            Arrays.sort(besides);
            System.out.printf(
                    "a /16 filled to 99%%: allocate p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us (lock and write included), an empty one p50 %.1f us%n",
                    times[ROUNDS / 2] / 1e3,
                    times[ROUNDS * 9 / 10] / 1e3,
                    times[ROUNDS * 99 / 100] / 1e3,
                    times[ROUNDS - 1] / 1e3,
                    besides[ROUNDS / 2] / 1e3);

            // Looking through the range would take hundreds of times as long.
            assertThat(times[ROUNDS / 2]).isLessThan(5 * besides[ROUNDS / 2]);
        }
    }

    private static long time(LeaseStore store, Attachment pod) {
        long start = System.nanoTime();
        store.allocate(pod, NETWORK, Optional.empty(), PLAN, List.of());
        long time = System.nanoTime() - start;
        store.free(pod);
        return time;
    }
}
