package dev.ikat.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.random.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final long LONGEST = 30_000;

    private static List<Long> pauses(Backoff backoff, int count) {
        List<Long> pauses = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pauses.add(backoff.next().toMillis());
        }
        return pauses;
    }

    @Test
    void eachPauseIsHalfToTheWholeOfWhatDoublesUpTo30Seconds() {
        Seeds.forEach(200, random -> {
            Backoff backoff = new Backoff(new SplittableRandom(random.bits()));
            long whole = 250;
            for (long pause : pauses(backoff, 12)) {
                assertThat(pause).isBetween(whole / 2, whole);
                whole = Math.min(2 * whole, LONGEST);
            }
            assertThat(whole).isEqualTo(LONGEST);
        });
    }

    @Test
    void pausesReachBothEndsOfTheirRange() {
        Backoff backoff = new Backoff(new SplittableRandom(1));
        List<Long> first = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            backoff.reset();
            first.add(backoff.next().toMillis());
        }
        assertThat(first).contains(125L, 250L);
    }

    @Test
    void whatWorkedBeginsItAnew() {
        Backoff backoff = new Backoff(new SplittableRandom(1));
        assertThat(pauses(backoff, 8).getLast()).isGreaterThanOrEqualTo(LONGEST / 2);

        backoff.reset();

        assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofMillis(250));
    }

    @Test
    void nodesDoNotPauseAlike() {
        assertThat(pauses(new Backoff(new SplittableRandom(1)), 8))
                .isNotEqualTo(pauses(new Backoff(new SplittableRandom(2)), 8));
    }
}
