package dev.ikat.backendtests;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import jnr.ffi.LibraryLoader;

/** Runs a task on a thread that is inside a network namespace and ends there. */
public final class InNamespace {
    private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");
    private static final int CLONE_NEWNET = 0x40000000; // linux/sched.h

    /** The calls of the C library that are needed to enter a namespace. */
    public interface LibC {
        int open(String path, int flags);

        int setns(int fd, int type);

        int close(int fd);
    }

    private InNamespace() {}

    /** What the body returns. */
    public static <T> T call(Path namespace, Supplier<T> body) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform().start(() -> {
            try {
                enter(namespace);
                result.complete(body.get());
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        });
        try {
            return result.join();
        } catch (CompletionException e) {
            // As if the body had run here.
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    private static void enter(Path namespace) {
        int fd = LIBC.open(namespace.toString(), 0);
        int refused = fd < 0 ? fd : LIBC.setns(fd, CLONE_NEWNET);
        if (fd >= 0) {
            LIBC.close(fd);
        }
        if (refused != 0) {
            throw new IllegalStateException("can't enter " + namespace);
        }
    }
}
