package dev.ikat.agent.server;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Executor;

/**
 * Runs tasks of one container one after the other in the order in which they arrived, and tasks of different containers
 * concurrently. A task whose container is busy is left to the thread that is busy with it, so that waiting occupies no
 * thread.
 */
public final class ContainerLanes {
    private final Map<String, Queue<Runnable>> lanes = new HashMap<>();

    /** Has one of these threads run the task, now or after the earlier tasks of this container. */
    public void run(String container, Runnable task, Executor threads) {
        Queue<Runnable> waiting;
        synchronized (lanes) {
            Queue<Runnable> busy = lanes.get(container);
            if (busy != null) {
                busy.add(task);
                return;
            }
            waiting = new ArrayDeque<>(2);
            lanes.put(container, waiting);
        }
        threads.execute(() -> runAll(container, task, waiting));
    }

    private void runAll(String container, Runnable first, Queue<Runnable> waiting) {
        Runnable next = first;
        while (next != null) {
            try {
                next.run();
            } catch (RuntimeException | Error e) {
                // The lane must go on for those who wait in it; the thread's handler reports what was thrown.
                Thread thread = Thread.currentThread();
                thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
            }
            synchronized (lanes) {
                next = waiting.poll();
                if (next == null) {
                    lanes.remove(container);
                }
            }
        }
    }
}
