package dev.ikat.testbed.host;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Closes everything that is still open when the process is told to end (Ctrl-C, SIGTERM), the newest first. From that
 * moment on nothing can be created any more, so that a main thread that is still running leaves nothing behind.
 */
public final class Teardown {
    private static final ReadWriteLock MAKING = new ReentrantReadWriteLock();
    private static final Deque<AutoCloseable> OPEN = new ArrayDeque<>();

    private static boolean ending;

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(Teardown::closeAll, "teardown"));
    }

    private Teardown() {}

    /**
     * Creates something and remembers it.
     *
     * @throws CommandFailedException if the process is ending
     */
    public static <T extends AutoCloseable> T make(Supplier<T> maker) {
        MAKING.readLock().lock();
        try {
            if (ending) {
                throw new CommandFailedException("interrupted");
            }
            T made = maker.get();
            synchronized (OPEN) {
                OPEN.push(made);
            }
            return made;
        } finally {
            MAKING.readLock().unlock();
        }
    }

    /** Forgets something that has been closed, or is to be kept. */
    public static void forget(AutoCloseable made) {
        synchronized (OPEN) {
            OPEN.remove(made);
        }
    }

    /** Forgets everything, which is to be kept. */
    public static void forgetAll() {
        synchronized (OPEN) {
            OPEN.clear();
        }
    }

    /** Whether the process has been told to end. */
    public static boolean isEnding() {
        MAKING.readLock().lock();
        try {
            return ending;
        } finally {
            MAKING.readLock().unlock();
        }
    }

    private static void closeAll() {
        MAKING.writeLock().lock();
        try {
            ending = true;
        } finally {
            MAKING.writeLock().unlock();
        }
        List<AutoCloseable> rest;
        synchronized (OPEN) {
            rest = new ArrayList<>(OPEN);
        }
        for (AutoCloseable open : rest) {
            try {
                open.close();
            } catch (Exception e) {
                // The others must be closed too; what this one leaves, the next run's sweep removes.
                System.err.println("teardown: " + e);
            }
        }
    }
}
