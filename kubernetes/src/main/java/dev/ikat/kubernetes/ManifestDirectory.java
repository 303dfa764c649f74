package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.IpAddress;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as a directory of Kubernetes manifests describes it: {@code *.yaml}, {@code *.yml} and {@code *.json},
 * with any number of documents each. Files whose name begins with a dot, and subdirectories, are ignored.
 *
 * <p>A file with any fault is not used at all: its last valid content stays in force. If it never was valid, only its
 * policies are used, as far as they can be read. Changes are noticed within a fraction of a second if the file system
 * sends notifications, and otherwise by the slow rescan.
 */
public final class ManifestDirectory implements ClusterSource {
    private static final Logger LOG = LoggerFactory.getLogger(ManifestDirectory.class);
    private static final Duration SETTLING = Duration.ofMillis(100);
    private static final Duration RESCAN = Duration.ofSeconds(10);

    private final Path directory;
    private final Duration settling;
    private final Duration rescan;
    private final ManifestScan scan;
    private final Set<String> ignoredKinds = new HashSet<>();

    private final KindSet kinds;

    /** Guarded by itself, as is what it reports of: a change at a time. */
    private final Subscriptions subscriptions;

    private volatile Map<ObjectKey, ClusterObject> objects = Map.of();
    private volatile List<SourceFault> faults = List.of();
    private volatile boolean synced;
    private volatile boolean closed;
    private @Nullable WatchService watcher;
    private @Nullable WatchKey watched;
    private @Nullable Thread thread;

    /**
     * The manifests in this directory, which is read when the source is started.
     *
     * @param kinds the kinds that are read
     */
    public ManifestDirectory(Path directory, List<ApiKind<?>> kinds) {
        this(directory, kinds, Clock.systemUTC(), SETTLING, RESCAN);
    }

    /**
     * With times for tests.
     *
     * @param settling how long a file must be left alone before it is read, or gone before it is forgotten
     * @param rescan how often all files are looked at without a notification
     */
    ManifestDirectory(Path directory, List<ApiKind<?>> kinds, Clock clock, Duration settling, Duration rescan) {
        this.directory = directory;
        this.kinds = new KindSet(kinds);
        this.subscriptions = new Subscriptions(e -> LOG.atError()
                .addKeyValue("directory", directory)
                .addKeyValue("step", "report")
                .setCause(e)
                .log("manifests"));
        this.settling = settling;
        this.rescan = rescan;
        this.scan = new ManifestScan(directory, this.kinds, clock, settling);
    }

    @Override
    public Set<ObjectKind> kinds() {
        return kinds.objectKinds();
    }

    /** {@inheritDoc} All manifests are read when this method returns. */
    @Override
    public synchronized void start() {
        if (watcher != null || closed) {
            throw new IllegalStateException(
                    "the source of manifests in " + directory + " is already started or closed");
        }
        if (!Files.isDirectory(directory)) {
            throw new ClusterSourceException(
                    "the directory of manifests " + directory + " does not exist; create it",
                    new NotDirectoryException(directory.toString()));
        }
        WatchService opened;
        try {
            opened = directory.getFileSystem().newWatchService();
        } catch (IOException e) {
            throw new ClusterSourceException(
                    "can't watch " + directory + " (" + e + "); see sysctl fs.inotify.max_user_instances", e);
        }
        watcher = opened;
        // Watched before it is read, so that no change falls in between.
        watch(opened);
        scan.scan(Set.of(), true);
        report();
        thread = Thread.ofPlatform().name("ikat-manifests").daemon().start(() -> run(opened));
    }

    private void watch(WatchService service) {
        if (watched != null && watched.isValid()) {
            return;
        }
        try {
            watched = directory.register(
                    service,
                    StandardWatchEventKinds.ENTRY_CREATE,
                    StandardWatchEventKinds.ENTRY_MODIFY,
                    StandardWatchEventKinds.ENTRY_DELETE);
        } catch (IOException e) {
            // The scan reports what is the matter with the directory, and the rescan tries again.
            LOG.atWarn()
                    .addKeyValue("directory", directory)
                    .addKeyValue("step", "watch")
                    .addKeyValue("reason", e.toString() + ": changes are found by rescans only")
                    .log("manifests");
        }
    }

    private void run(WatchService service) {
        try {
            while (!closed) {
                Set<Path> touched = awaitChanges(service);
                watch(service);
                try {
                    scan.scan(touched, false);
                    report();
                } catch (RuntimeException e) {
                    // A defect here must not end the watching for good: the next rescan starts afresh.
                    LOG.atError()
                            .addKeyValue("directory", directory)
                            .addKeyValue("step", "scan")
                            .setCause(e)
                            .log("manifests");
                }
            }
        } catch (ClosedWatchServiceException e) {
            LOG.atDebug()
                    .addKeyValue("directory", directory)
                    .addKeyValue("step", "close")
                    .log("manifests");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for a notification, or the time of the next look; and after a notification for the ones that follow it. */
    private Set<Path> awaitChanges(WatchService service) throws InterruptedException {
        Set<Path> touched = new HashSet<>();
        Duration patience = scan.unsettled() ? settling : rescan;
        WatchKey key = service.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
        if (key != null) {
            take(key, touched);
            Thread.sleep(settling);
            for (WatchKey more = service.poll(); more != null; more = service.poll()) {
                take(more, touched);
            }
        }
        return touched;
    }

    private void take(WatchKey key, Set<Path> touched) {
        for (WatchEvent<?> event : key.pollEvents()) {
            if (event.context() instanceof Path name) {
                touched.add(directory.resolve(name));
            }
        }
        key.reset();
    }

    @Override
    public void subscribe(Set<ObjectKind> wanted, ClusterListener listener) {
        synchronized (subscriptions) {
            if (closed) {
                throw new IllegalStateException("the source of manifests in " + directory + " is closed");
            }
            wanted.forEach(this::requireKnown);
            subscriptions.add(wanted, listener);
            begin();
        }
    }

    private void requireKnown(ObjectKind kind) {
        if (kinds.find(kind).isEmpty()) {
            throw new IllegalArgumentException(kind + " is not read; what is: " + kinds.all());
        }
    }

    private void begin() {
        subscriptions.begin(
                _ -> synced,
                wanted -> new ClusterChange(List.copyOf(objects.values()), List.of(), List.of()).only(wanted));
    }

    private void report() {
        ManifestScan.Result result = scan.result();
        reportFaults(result.faults());
        for (String kind : result.ignored()) {
            if (ignoredKinds.add(kind)) {
                LOG.atInfo()
                        .addKeyValue("directory", directory)
                        .addKeyValue("ignored", kind)
                        .log("manifests");
            }
        }
        synchronized (subscriptions) {
            ClusterChange change = ClusterChange.between(objects, result.objects());
            if (closed || (change.isEmpty() && synced)) {
                return;
            }
            // Before a listener hears of it: it may wake another thread, which looks at these.
            objects = result.objects();
            synced = true;
            LOG.atInfo()
                    .addKeyValue("directory", directory)
                    .addKeyValue("added", change.added().size())
                    .addKeyValue("updated", change.updated().size())
                    .addKeyValue("removed", change.removed().size())
                    .log("manifests");
            subscriptions.report(change);
            begin();
        }
    }

    private void reportFaults(List<SourceFault> now) {
        List<SourceFault> before = faults;
        faults = List.copyOf(now);
        for (SourceFault fault : now) {
            if (!before.contains(fault)) {
                LOG.atWarn().addKeyValue("fault", fault).log("manifests");
            }
        }
        if (now.isEmpty() && !before.isEmpty()) {
            LOG.atInfo()
                    .addKeyValue("directory", directory)
                    .addKeyValue("faults", "0")
                    .log("manifests");
        }
    }

    @Override
    public List<ClusterObject> objects(ObjectKind kind) {
        requireKnown(kind);
        return objects.values().stream()
                .filter(object -> object.key().kind().equals(kind))
                .toList();
    }

    @Override
    public boolean synced() {
        return synced;
    }

    @Override
    public Optional<String> degraded() {
        return Optional.empty();
    }

    @Override
    public void networkWorks(String nodeName) {
        // Nobody but the nodes themselves reads the manifests.
    }

    @Override
    public Map<String, Duration> silence() {
        return Map.of();
    }

    @Override
    public Set<IpAddress> apiServers() {
        return Set.of();
    }

    @Override
    public List<SourceFault> faults() {
        return faults;
    }

    @Override
    public void close() {
        Thread reporter;
        synchronized (this) {
            closed = true;
            reporter = thread;
            try {
                if (watcher != null) {
                    watcher.close();
                }
            } catch (IOException e) {
                throw new ClusterSourceException("can't stop watching " + directory, e);
            }
        }
        if (reporter != null && reporter != Thread.currentThread()) {
            joinUninterruptibly(reporter);
        }
    }

    private static void joinUninterruptibly(Thread reporter) {
        boolean interrupted = false;
        while (true) {
            try {
                reporter.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
