package dev.ikat.netlink.namespace;

import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.wire.Libc;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A platform thread that enters network namespaces for a moment, and is in the process' own one in between. No other
 * thread of the process ever changes its namespace. One that cannot go back ends, and its pool starts another.
 */
final class NamespaceThread extends Thread {
    private static final int MAX_THREADS = 4;
    private static final long IDLE_SECONDS = 30;
    private static final ThreadPoolExecutor POOL = pool();

    /** The namespace that this thread is in. */
    private int inside;

    private boolean started;
    private boolean lost;

    NamespaceThread(Runnable work, String name, boolean daemon) {
        super(work, name);
        setDaemon(daemon);
        inside = Home.FD;
    }

    private static final class Home {
        /** Of the thread group's leader: a thread inherits the namespace of whichever thread started it. */
        static final int FD = Libc.open("/proc/self/ns/net", Libc.O_RDONLY | Libc.O_CLOEXEC);

        static {
            if (FD < 0) {
                throw new NetlinkException("open this process's own network namespace, /proc/self/ns/net", -FD);
            }
        }
    }

    private static ThreadPoolExecutor pool() {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                MAX_THREADS,
                MAX_THREADS,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                work -> new NamespaceThread(work, "ikat-namespace", true));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    static <T> T call(NetworkNamespace namespace, Supplier<T> task) {
        if (Thread.currentThread() instanceof NamespaceThread thread) {
            thread.comeHome();
            T result = thread.callInside(namespace, task);
            if (thread.lost && thread.inside == Home.FD) {
                throw new NamespaceLostError(namespace);
            }
            return result;
        }
        FutureTask<T> result = new FutureTask<>(() -> {
            NamespaceThread thread = (NamespaceThread) Thread.currentThread();
            thread.comeHome();
            return thread.callInside(namespace, task);
        });
        POOL.execute(() -> {
            result.run();
            if (((NamespaceThread) Thread.currentThread()).lost) {
                // Out of the pool's worker loop: this thread ends.
                throw new IllegalStateException(
                        "this thread could not leave " + namespace + " and ends because of that");
            }
        });
        return await(result);
    }

    /** Waits to the end even if interrupted: what was begun inside the namespace has to be known to the caller. */
    static <T> T await(FutureTask<T> result) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return result.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    switch (e.getCause()) {
                        case RuntimeException thrown -> throw thrown;
                        case Error thrown -> throw thrown;
                        case null, default -> throw new IllegalStateException(e);
                    }
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** A pool starts a thread from within the submitting one, which may be in a namespace of somebody else's making. */
    private void comeHome() {
        if (!started) {
            enter(Home.FD, "this process's own network namespace");
            started = true;
        }
    }

    private <T> T callInside(NetworkNamespace namespace, Supplier<T> task) {
        int outside = inside;
        enter(namespace.fd(), namespace.toString());
        inside = namespace.fd();
        try {
            return task.get();
        } finally {
            if (Libc.setns(outside, NetworkNamespace.CLONE_NEWNET) < 0) {
                lost = true;
            }
            inside = outside;
        }
    }

    private static void enter(int fd, String name) {
        int result = Libc.setns(fd, NetworkNamespace.CLONE_NEWNET);
        if (result < 0) {
            throw new NetlinkException("enter " + name + " (this needs CAP_SYS_ADMIN)", -result);
        }
    }
}
