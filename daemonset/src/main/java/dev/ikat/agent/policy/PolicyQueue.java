package dev.ikat.agent.policy;

import dev.ikat.policy.compiler.PolicyInput;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What has come for the thread that keeps policy, from the cluster or from pods that come and go. The thread takes
 * everything that is there at once and in the order in which it came, so a burst costs one change of the kernel.
 * Thread-safe.
 */
final class PolicyQueue implements AutoCloseable {
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    private final BlockingQueue<Work> queue = new LinkedBlockingQueue<>();
    private final Worker worker;
    private final LongSupplier clock;
    private final Thread thread;
    private volatile boolean closed;

    /**
     * One thing that is different.
     *
     * @param waiter who waits until it is in force
     * @param since when it came, as the clock of the queue counts
     */
    record Work(PolicyInput input, Optional<PolicyWaiter> waiter, long since) {}

    /** Works on what has come, on the queue's thread. */
    interface Worker {
        /** How long it has nothing to do unless something comes, in nanoseconds. */
        long idleNanos();

        /** Takes in all of these; none where the time is up and nothing has come. */
        void work(List<Work> batch);

        /** The work has failed, and what it was about is not done. */
        void failed(RuntimeException reason);
    }

    /** @param clock counts nanoseconds, as {@link System#nanoTime} does */
    PolicyQueue(Worker worker, LongSupplier clock) {
        this.worker = worker;
        this.clock = clock;
        this.thread = Thread.ofPlatform().name("policy").unstarted(this::run);
    }

    /** Begins to work. */
    void start() {
        thread.start();
    }

    /** This is different from now on. */
    void put(PolicyInput input, Optional<PolicyWaiter> waiter) {
        queue.add(new Work(input, waiter, clock.getAsLong()));
    }

    private void run() {
        try {
            while (!closed) {
                turn(worker.idleNanos());
            }
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    /** Waits at most so long for something to come, and has the worker take what there is then. */
    void turn(long nanos) throws InterruptedException {
        List<Work> batch = new ArrayList<>();
        Work first = queue.poll(nanos, TimeUnit.NANOSECONDS);
        if (first != null) {
            batch.add(first);
            queue.drainTo(batch);
        }
        try {
            worker.work(batch);
        } catch (RuntimeException e) {
            worker.failed(e);
        }
    }

    /** Waits for the batch that is being worked on, and takes no other. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(STOP_LIMIT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
