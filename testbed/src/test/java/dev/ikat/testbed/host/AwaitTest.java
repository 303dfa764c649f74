package dev.ikat.testbed.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AwaitTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Duration SHORT = Duration.ofMillis(50);

    private final AtomicInteger asked = new AtomicInteger();

    @Test
    void callingThreadAsksUntilTheAnswerIsYes() {
        Set<Thread> threads = new HashSet<>();

        Duration took = Await.until(LONG, () -> "three", () -> {
            threads.add(Thread.currentThread());
            return asked.incrementAndGet() == 3;
        });

        assertThat(asked).hasValue(3);
        assertThat(threads).containsExactly(Thread.currentThread());
        assertThat(took).isPositive().isLessThan(LONG);
    }

    @Test
    void messageSaysWhatWasThereLast() {
        assertThatThrownBy(() -> Await.until(SHORT, () -> "asked " + asked + " times", () -> {
                    asked.incrementAndGet();
                    return false;
                }))
                .isInstanceOf(CommandFailedException.class)
                .hasMessage("not within 50 ms: asked " + asked + " times");
        assertThat(asked).hasValueGreaterThan(1);
    }

    /** Conditions that wait themselves may end after the limit. */
    @Test
    void yesThatComesLateCounts() {
        Duration took = Await.until(SHORT, () -> "late", () -> {
            sleep(SHORT.multipliedBy(2));
            return true;
        });

        assertThat(took).isGreaterThan(SHORT);
    }

    /** What is waited for needs the processor, too. */
    @Test
    void looksThatTakeLongAreFollowedByLongerPauses() {
        List<Long> times = new ArrayList<>();

        Await.until(LONG, () -> "two", () -> {
            times.add(System.nanoTime());
            sleep(Duration.ofMillis(150));
            return times.size() == 2;
        });

        assertThat(Duration.ofNanos(times.get(1) - times.get(0))).isGreaterThanOrEqualTo(Duration.ofMillis(450));
    }

    @Test
    void whatTheConditionThrowsEndsTheWaiting() {
        assertThatThrownBy(() -> Await.until(LONG, () -> "never asked for", () -> {
                    throw new IllegalStateException("expected by the test");
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("expected by the test");
    }

    @Test
    void exceptionOfAnotherThreadIsNotTheWaitersConcern() {
        Duration took = Await.until(LONG, () -> "two", () -> {
            Thread other = Thread.ofPlatform().unstarted(() -> {
                throw new IllegalStateException("expected by the test");
            });
            other.start();
            join(other);
            return asked.incrementAndGet() == 2;
        });

        assertThat(took).isLessThan(LONG);
    }

    @Test
    void interruptionEndsTheWaitingAndStaysKnown() {
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> Await.until(LONG, () -> "what is not there", () -> false))
                .isInstanceOf(CommandFailedException.class)
                .hasMessage("interrupted while waiting: what is not there");
        assertThat(Thread.interrupted()).isTrue();
    }

    private static void sleep(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
