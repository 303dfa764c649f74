package dev.ikat.controller;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.kubernetes.ApiWriter.Written;
import dev.ikat.testbed.host.Await;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WriteQueueTest {
    private final AtomicBoolean mayWrite = new AtomicBoolean(true);
    private final WriteQueue queue = new WriteQueue(mayWrite::get, new ControllerMetrics(new PrometheusRegistry()));
    private final List<String> sent = new CopyOnWriteArrayList<>();
    private final List<String> done = new CopyOnWriteArrayList<>();

    @AfterEach
    void stop() {
        queue.close();
    }

    private void put(String name, String text, WriteQueue.Request request) {
        queue.put(new WriteQueue.Entry(
                name,
                "service",
                () -> {
                    sent.add(text);
                    return request.send();
                },
                () -> done.add(text)));
    }

    private void until(String what, BooleanSupplier condition) {
        Await.until(Duration.ofSeconds(20), () -> what + "; sent: " + sent, condition);
    }

    @Test
    void whatFailsIsTriedAgainUnlessSomethingNewerWasWritten() throws Exception {
        CountDownLatch newerIsWritten = new CountDownLatch(1);
        put("a", "old", () -> {
            newerIsWritten.await();
            return new Written.Failed("no answer");
        });
        put(
                "b",
                "other",
                () -> sent.stream().filter("other"::equals).count() < 2
                        ? new Written.Failed("no answer")
                        : new Written.Done());
        put("a", "new", Written.Done::new);
        until("the newer one is written", () -> done.contains("new"));
        newerIsWritten.countDown();

        until("the other one is, too", () -> done.contains("other"));
        Thread.sleep(Duration.ofSeconds(1));
        assertThat(sent).containsExactlyInAnyOrder("old", "new", "other", "other");
    }

    @Test
    void conflictAndAbsenceAreNotTriedAgain() throws Exception {
        put("a", "conflict", Written.Conflict::new);
        put("b", "gone", Written.Gone::new);

        until("both were sent", () -> sent.size() == 2);
        Thread.sleep(Duration.ofSeconds(1));
        assertThat(sent).hasSize(2);
        assertThat(done).isEmpty();
    }

    @Test
    void nothingIsSentWithoutTheRightTo() throws Exception {
        mayWrite.set(false);
        put("a", "late", Written.Done::new);

        Thread.sleep(Duration.ofMillis(300));
        assertThat(sent).isEmpty();
    }
}
