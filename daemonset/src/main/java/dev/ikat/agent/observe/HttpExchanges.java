package dev.ikat.agent.observe;

import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Executor;

/**
 * Runs each exchange of an HTTP server on a virtual thread of its own, for a limited time, and so many at once: where
 * there are more, the oldest has to go, so that whoever is quick is served whatever others do. An exchange that has to
 * go is interrupted, which closes its connection (java.nio.channels.InterruptibleChannel).
 */
final class HttpExchanges implements Executor, AutoCloseable {
    /** What an exchange does before it has an answer to send. */
    interface Preparation {
        byte[] answer() throws IOException;
    }

    private final int most;
    private final Duration limit;
    /** Since when each may be waiting for its client, which those do not that prepare an answer; the oldest first. */
    private final Map<Thread, OptionalLong> running = new LinkedHashMap<>();

    private final Thread clock;

    /**
     * @param most how many may run at once
     * @param limit what a client may take for each of the two: to send its request, and to read the answer
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
        running.put(thread, OptionalLong.of(System.nanoTime()));
        thread.start();
    }

    /**
     * Prepares the answer of the exchange that the calling thread runs. That takes as long as it takes: a slow machine
     * would otherwise give up on an answer that its client waits for.
     */
    byte[] prepare(Preparation preparation) throws IOException {
        clientSince(OptionalLong.empty());
        try {
            return preparation.answer();
        } finally {
            clientSince(OptionalLong.of(System.nanoTime()));
        }
    }

    /** An exchange that has had to go meanwhile stays away. */
    private synchronized void clientSince(OptionalLong begin) {
        running.computeIfPresent(Thread.currentThread(), (_, _) -> begin);
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
        running.forEach((thread, since) -> {
            if (since.isPresent() && since.getAsLong() - latestStart < 0) {
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
