package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ObjectCondition;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.model.IpAddress;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as the Kubernetes API reports it. While the API does not answer, its last known state stays in force. An
 * object with a fault keeps its former state; if it has none, whatever can't be read of it allows nothing. If the API
 * does not answer from the start, the {@link Snapshot} of an earlier run is in force until it does.
 *
 * <p>One {@link Reflector} for each kind reads its objects; a {@link KnownCluster} keeps and reports them.
 */
public final class KubernetesSource implements ClusterSource {
    private static final Logger LOG = LoggerFactory.getLogger(KubernetesSource.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    /** How long close waits for what the timer is just doing. */
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final ApiConnection api;
    private final KindSet kinds;
    private final Patience patience;
    private final ServerHistory history;
    private final KnownCluster cluster;
    /** Empty where only what the API itself says will do. */
    private final Optional<SnapshotKeeper> snapshots;

    private final NodeAnnouncer announcer;
    private final StatusWriter conditions;
    // Two threads for what waits for the API, one for what must not wait.
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(
            3, Thread.ofPlatform().daemon().name("api-timer-", 0).factory());

    /** One a kind; none before the start. */
    private volatile List<Reflector> reflectors = List.of();

    private boolean ended;

    private KubernetesSource(
            ApiConnection api, KindSet kinds, Optional<Path> stateDirectory, Patience patience, ApiMetrics metrics) {
        this.api = api;
        this.kinds = kinds;
        this.patience = patience;
        this.history = new ServerHistory(api);
        this.cluster = new KnownCluster(kinds, metrics, this::hurry);
        this.snapshots = stateDirectory.map(
                directory -> new SnapshotKeeper(cluster, kinds, new Snapshot(directory, kinds), patience, metrics));
        this.announcer = new NodeAnnouncer(api, timer, patience);
        this.conditions = new StatusWriter(api, timer);
        api.onHandshakeFailure(metrics::handshakeFailed);
    }

    /**
     * Prepares to read; nothing is sent before {@link #start}.
     *
     * @param kinds the kinds to read
     * @param stateDirectory the directory of the snapshot; created when the first one is written
     * @param registry serves the metric {@code ikat_api_event_lag_seconds}
     * @throws ClusterSourceException if the API's address or the credentials for it are not known
     */
    public static KubernetesSource open(
            ApiAddress address, List<ApiKind<?>> kinds, Path stateDirectory, PrometheusRegistry registry) {
        return open(
                ApiConnection.open(address),
                kinds,
                stateDirectory,
                Patience.DEFAULT,
                new ApiMetrics(registry, Clock.systemUTC()));
    }

    static KubernetesSource open(
            ApiConnection api, List<ApiKind<?>> kinds, Path stateDirectory, Patience patience, ApiMetrics metrics) {
        return new KubernetesSource(api, new KindSet(kinds), Optional.of(stateDirectory), patience, metrics);
    }

    /**
     * The same for who writes what others read: it knows nothing before the API itself has said it, and then all that
     * was written before this was started.
     *
     * @throws ClusterSourceException if the API's address or the credentials for it are not known
     */
    public static KubernetesSource openFresh(ApiAddress address, List<ApiKind<?>> kinds, PrometheusRegistry registry) {
        return new KubernetesSource(
                ApiConnection.open(address),
                new KindSet(kinds),
                Optional.empty(),
                Patience.DEFAULT,
                new ApiMetrics(registry, Clock.systemUTC()));
    }

    /**
     * Removes what a source stored there, and the directory if nothing else is in it.
     *
     * @return whether something was stored
     */
    public static boolean forget(Path stateDirectory) throws IOException {
        return new Snapshot(stateDirectory, new KindSet(List.of())).delete();
    }

    @Override
    public Set<ObjectKind> kinds() {
        return kinds.objectKinds();
    }

    /** {@inheritDoc} It does not wait for the API. */
    @Override
    public synchronized void start() {
        if (!reflectors.isEmpty() || ended) {
            throw new IllegalStateException("the source at " + api.master() + " is already started or closed");
        }
        reflectors = kinds.all().stream()
                .map(kind ->
                        new Reflector(kind, api, history, cluster, RandomGenerator.getDefault(), patience.absence()))
                .toList();
        if (snapshots.isEmpty()) {
            reflectors.forEach(Reflector::fromStore);
        }
        reflectors.forEach(Reflector::start);
        long tick = Math.min(TICK.toMillis(), patience.outage().toMillis());
        ScheduledFuture<?> _ =
                timer.scheduleWithFixedDelay(() -> guarded(this::tick), tick, tick, TimeUnit.MILLISECONDS);
        // Not all nodes at once, as they would after the server had been away.
        long pause = patience.history().toMillis();
        long first = RandomGenerator.getDefault().nextLong(pause) + 1;
        ScheduledFuture<?> _ = timer.scheduleWithFixedDelay(
                () -> guarded(() -> history.check(reflectors)), first, pause, TimeUnit.MILLISECONDS);
        LOG.atInfo().addKeyValue("api", api.master()).log("api-started");
    }

    private void tick() {
        api.followFiles();
        reflectors.forEach(Reflector::checkStalled);
        history.checkStalled();
        snapshots.ifPresent(SnapshotKeeper::tick);
    }

    private static void guarded(Runnable action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            LOG.atError().addKeyValue("error", e.toString()).setCause(e).log("api-timer-failed");
        }
    }

    private void hurry() {
        reflectors.forEach(Reflector::hurry);
    }

    @Override
    public void subscribe(Set<ObjectKind> wanted, ClusterListener listener) {
        cluster.subscribe(wanted, listener);
    }

    /** {@inheritDoc} Sets the node's condition NetworkUnavailable to False, and tries again until that succeeds. */
    @Override
    public void networkWorks(String nodeName) {
        announcer.networkWorks(nodeName);
    }

    /** {@inheritDoc} It is not tried again. */
    @Override
    public void setCondition(ObjectKey object, ObjectCondition condition) {
        kinds.find(object.kind()).ifPresent(kind -> conditions.write(kind, object, condition));
    }

    @Override
    public List<ClusterObject> objects(ObjectKind kind) {
        return cluster.objects(kind);
    }

    @Override
    public boolean synced() {
        return cluster.synced();
    }

    @Override
    public Optional<String> degraded() {
        return cluster.asOf()
                .map(taken -> "the API at " + api.master()
                        + " has not reported everything since the start; in force is the cluster as of " + taken);
    }

    @Override
    public Map<String, Duration> silence() {
        return reflectors.stream().collect(Collectors.toMap(each -> each.kind().title(), Reflector::silence));
    }

    @Override
    public Set<IpAddress> apiServers() {
        return api.address().map(Set::of).orElse(Set.of());
    }

    @Override
    public List<SourceFault> faults() {
        List<SourceFault> faults = new ArrayList<>();
        api.fault().ifPresent(fault -> faults.add(new SourceFault("credentials", fault)));
        faults.addAll(cluster.faults());
        snapshots.flatMap(SnapshotKeeper::fault).ifPresent(faults::add);
        return faults;
    }

    @Override
    public void close() {
        cluster.close();
        synchronized (this) {
            ended = true;
        }
        timer.shutdownNow();
        reflectors.forEach(Reflector::close);
        try {
            if (timer.awaitTermination(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                snapshots.ifPresent(keeper -> keeper.save(true));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        api.close();
    }
}
