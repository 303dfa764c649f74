package dev.ikat.agent.reconcile;

import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the agent's files checked whenever something changes in their directories, and in any case once a second, because
 * the watch of a directory ends with the directory. If something is not in order, it checks more often: whoever removes
 * a directory usually creates it again.
 */
public final class FileWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FileWatch.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration RETRY = Duration.ofMillis(200);
    private static final WatchEvent.Kind<?>[] KINDS = {
        StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_DELETE, StandardWatchEventKinds.ENTRY_MODIFY
    };

    private final List<Path> directories;
    private final List<BooleanSupplier> checks;
    private final @Nullable WatchService service;
    private final Thread thread;
    private volatile boolean closed;
    /** The thread ends the agent, and so waits for {@link #close}. */
    private volatile boolean ending;

    private FileWatch(List<Path> directories, List<BooleanSupplier> checks, @Nullable WatchService service) {
        this.directories = List.copyOf(directories);
        this.checks = List.copyOf(checks);
        this.service = service;
        this.thread = Thread.ofPlatform().name("file-watch").unstarted(this::watch);
    }

    /**
     * Begins to watch.
     *
     * @param directories the directories to watch; each may be missing
     * @param checks check, repair, and return whether everything is in order
     */
    public static FileWatch start(List<Path> directories, List<BooleanSupplier> checks) {
        WatchService service = null;
        try {
            service = FileSystems.getDefault().newWatchService();
        } catch (IOException e) {
            // The host has too few inotify instances, most likely: then each second has to do.
            LOG.atWarn()
                    .addKeyValue("reason", e.toString())
                    .addKeyValue("advice", "raise fs.inotify.max_user_instances")
                    .log("files-unwatched");
        }
        FileWatch watch = new FileWatch(directories, checks, service);
        watch.thread.start();
        return watch;
    }

    private void watch() {
        boolean inOrder = true;
        while (!closed) {
            try {
                listen();
                await(inOrder ? TICK : RETRY);
                inOrder = true;
                for (BooleanSupplier check : checks) {
                    inOrder &= check.getAsBoolean();
                }
            } catch (ClosedWatchServiceException e) {
                return;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (Error e) {
                ending = true;
                throw e;
            } catch (RuntimeException e) {
                // What could not be looked at now is looked at again.
                LOG.atError().addKeyValue("error", e.toString()).setCause(e).log("files-unchecked");
                inOrder = false;
            }
        }
    }

    /** A directory that is watched already is so only once; one that was made anew is another. */
    private void listen() {
        if (service == null) {
            return;
        }
        for (Path directory : directories) {
            try {
                directory.register(service, KINDS);
            } catch (IOException e) {
                LOG.atDebug()
                        .addKeyValue("directory", directory)
                        .addKeyValue("reason", e::toString)
                        .log("directory-unwatched");
            }
        }
    }

    private void await(Duration limit) throws InterruptedException {
        if (service == null) {
            Thread.sleep(limit);
            return;
        }
        WatchKey key = service.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        while (key != null) {
            key.pollEvents();
            key.reset();
            key = service.poll();
        }
    }

    /** Waits for the running check, and begins no other. */
    @Override
    public void close() {
        closed = true;
        try {
            if (service != null) {
                service.close();
            }
            if (!ending) {
                thread.join(Duration.ofSeconds(2));
            }
        } catch (IOException e) {
            LOG.atDebug().addKeyValue("error", e::toString).log("close-failed");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
