package dev.ikat.agent.observe;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * Runs each exchange of an HTTP server on a virtual thread of its own, for a limited time, and so many at once: where
 * there are more, the oldest has to go, so that whoever is quick is served whatever others do. An exchange that has to
 * go is interrupted, which closes its connection (java.nio.channels.InterruptibleChannel).
 */
final class HttpExchanges implements Executor, AutoCloseable {
    private final int most;
    private final Duration limit;
    /** When each was begun with, the oldest first. */
    private final Map<Thread, Long> running = new LinkedHashMap<>();

    private final Thread clock;

    /**
     * @param most how many may run at once
     * @param limit what each may take in all: the reading of a request, and the writing of its answer
     */
    HttpExchanges(int most, Duration limit) {
        this.most = most;
        this.limit = limit;
        this.clock = Thread.ofVirtual().name("http-clock").start(this::endLateOnes);
    }

    @Override
    public synchronized void execute(Runnable exchange) {
        while (running.size() >= most) {
            Thread oldest = running.keySet().iterator().next();
            running.remove(oldest);
            oldest.interrupt();
        }
        Thread thread = Thread.ofVirtual().name("http").unstarted(() -> {
            try {
                exchange.run();
            } finally {
                ended(Thread.currentThread());
            }
        });
        running.put(thread, System.nanoTime());
        thread.start();
    }

    private synchronized void ended(Thread thread) {
        running.remove(thread);
    }

    private void endLateOnes() {
        try {
            while (true) {
                Thread.sleep(limit.dividedBy(4));
                interruptLateOnes(System.nanoTime() - limit.toNanos());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void interruptLateOnes(long latestStart) {
        running.forEach((thread, start) -> {
            if (start - latestStart < 0) {
                thread.interrupt();
            }
        });
    }

    @Override
    public synchronized void close() {
        clock.interrupt();
        running.keySet().forEach(Thread::interrupt);
    }
}
