package dev.ikat.controller;

import dev.ikat.kubernetes.ApiWriter.Written;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is to be written to the API, some of it at once. Of two things under one name only the later is written; what
 * fails is tried again after a pause that grows. Nothing is sent any more as soon as this replica may not write.
 * Thread-safe.
 */
final class WriteQueue implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WriteQueue.class);
    private static final int AT_ONCE = 16;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    private final BooleanSupplier mayWrite;
    private final ControllerMetrics metrics;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("write-again").factory());

    private final Map<String, Entry> waiting = new LinkedHashMap<>();
    /** What was last put under a name, until it is written: nothing older is tried again. */
    private final Map<String, Entry> latest = new HashMap<>();

    private final Map<String, Duration> pauses = new HashMap<>();
    private int running;
    private boolean closed;

    /** Something to write. */
    interface Request {
        Written send() throws InterruptedException;
    }

    /**
     * Something to write under a name.
     *
     * @param object what it is about, as a metric has it: service, pool or event
     * @param done runs when it was written
     */
    record Entry(String name, String object, Request request, Runnable done) {}

    /** @param mayWrite asked before each request */
    WriteQueue(BooleanSupplier mayWrite, ControllerMetrics metrics) {
        this.mayWrite = mayWrite;
        this.metrics = metrics;
    }

    /** Has it written soon, in place of what waits under its name. */
    synchronized void put(Entry entry) {
        waiting.put(entry.name(), entry);
        latest.put(entry.name(), entry);
        startSome();
    }

    /** What waits under this name is not to be written any more. */
    synchronized void drop(String name) {
        waiting.remove(name);
        latest.remove(name);
        pauses.remove(name);
    }

    private void startSome() {
        while (!closed && running < AT_ONCE && !waiting.isEmpty()) {
            String name = waiting.keySet().iterator().next();
            Entry next = waiting.remove(name);
            if (next != null) {
                running++;
                Thread.ofVirtual().name("write").start(() -> write(next));
            }
        }
    }

    private void write(Entry entry) {
        try {
            if (mayWrite.getAsBoolean()) {
                wrote(entry, entry.request().send());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            synchronized (this) {
                running--;
                startSome();
            }
        }
    }

    private void wrote(Entry entry, Written written) {
        switch (written) {
            case Written.Done() -> {
                metrics.written(entry.object(), "done");
                settled(entry);
                entry.done().run();
            }
            case Written.Conflict() -> {
                // The newer version is on its way here, and what follows from it is written then.
                metrics.written(entry.object(), "conflict");
                settled(entry);
            }
            case Written.Gone() -> {
                metrics.written(entry.object(), "gone");
                settled(entry);
            }
            case Written.Failed(String reason) -> {
                metrics.written(entry.object(), "failed");
                Duration pause = pause(entry.name());
                LOG.atWarn()
                        .addKeyValue("object", entry.name())
                        .addKeyValue("error", reason)
                        .addKeyValue("again-in", pause)
                        .log("write-failed");
                later(entry, pause);
            }
        }
    }

    private synchronized void settled(Entry entry) {
        if (latest.remove(entry.name(), entry)) {
            pauses.remove(entry.name());
        }
    }

    private synchronized Duration pause(String name) {
        Duration pause = pauses.getOrDefault(name, FIRST_PAUSE);
        Duration doubled = pause.multipliedBy(2);
        pauses.put(name, doubled.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : doubled);
        return pause;
    }

    private synchronized void later(Entry entry, Duration pause) {
        if (!closed && entry.equals(latest.get(entry.name()))) {
            ScheduledFuture<?> _ = timer.schedule(() -> again(entry), pause.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Unless something newer was put by now. */
    private synchronized void again(Entry entry) {
        if (entry.equals(latest.get(entry.name()))) {
            waiting.put(entry.name(), entry);
            startSome();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        waiting.clear();
        timer.shutdownNow();
    }
}
