package dev.ikat.agent.server;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;

/**
 * Runs tasks of one container one after the other in the order in which they came, and tasks of different containers
 * side by side. A thread that finds its container busy leaves its task to the thread that is busy with it, so that
 * waiting costs no thread.
 */
public final class ContainerLanes {
    private final Map<String, Queue<Runnable>> lanes = new HashMap<>();

    /** Runs the task now on this thread, or leaves it to the thread that runs tasks of this container already. */
    public void run(String container, Runnable task) {
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
        Runnable next = task;
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
