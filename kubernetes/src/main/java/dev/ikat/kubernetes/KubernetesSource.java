package dev.ikat.kubernetes;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.ClusterState;
import dev.ikat.cluster.Node;
import dev.ikat.model.IpAddress;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as the Kubernetes API tells it. While the API does not answer, what it said last stays in force; what is
 * wrong with one object leaves that one as it was, or closes what it can't be read to open. The first change comes when
 * every kind was listed, so that nobody takes a policy that was not read yet for one that is not there. Where the API
 * does not answer from the start, that first change is what an earlier run kept in a {@link Snapshot}.
 */
public final class KubernetesSource implements ClusterSource {
    private static final Logger LOG = LoggerFactory.getLogger(KubernetesSource.class);
    private static final Duration TICK = Duration.ofSeconds(1);
    /** How long close waits for what the timer is just doing. */
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final ApiConnection api;
    private final ServerHistory history;
    private final Snapshot snapshot;
    private final SnapshotWriter writer;
    private final Patience patience;
    private final ApiMetrics metrics;
    // Two threads for what waits for the API, one for what must not wait.
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(
            3, Thread.ofPlatform().daemon().name("api-timer-", 0).factory());
    private final Interner interner = new Interner();
    private final List<Reflector> reflectors = new ArrayList<>();

    /** Held while something is taken in and reported, so that reports come one at a time. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Map<ApiKind, Kind> kinds = new EnumMap<>(ApiKind.class);
    private Optional<ClusterListener> listener = Optional.empty();
    private boolean closed;
    private volatile boolean synced;
    private final long openedNanos = System.nanoTime();

    /** When the snapshot was taken whose objects are among the present ones; empty if there is none. */
    private Optional<Instant> asOf = Optional.empty();

    private boolean snapshotRead;
    private String announceFailure = "";

    /**
     * How long to wait with what.
     *
     * @param outage for an API that can't be reached at the start, until the snapshot has to do
     * @param list for one that is slow to say everything
     * @param save between two snapshots, where a namespace, a node or a policy changed
     * @param savePods where only pods did
     * @param retry until the API is told again what it did not take
     * @param repeat until it is told again what it did: somebody else may have said the opposite
     * @param history until it is asked again whether it still knows what it said
     */
    record Patience(
            Duration outage,
            Duration list,
            Duration save,
            Duration savePods,
            Duration retry,
            Duration repeat,
            Duration history) {
        static final Patience DEFAULT = new Patience(
                Duration.ofSeconds(5),
                Duration.ofSeconds(30),
                Duration.ofSeconds(30),
                Duration.ofMinutes(5),
                Duration.ofSeconds(10),
                Duration.ofMinutes(5),
                Duration.ofSeconds(20));
    }

    /** What is known of one kind. */
    private static final class Kind {
        private ObjectTable objects = new ObjectTable();
        private ApiFaults faults = new ApiFaults();
        private ObjectTable incomingObjects = new ObjectTable();
        private ApiFaults incomingFaults = new ApiFaults();
        private boolean listed;
        private Optional<SourceFault> outage = Optional.empty();
    }

    private KubernetesSource(ApiConnection api, Snapshot snapshot, Patience patience, ApiMetrics metrics) {
        this.api = api;
        this.history = new ServerHistory(api);
        this.snapshot = snapshot;
        this.patience = patience;
        this.metrics = metrics;
        api.onHandshakeFailure(metrics::handshakeFailed);
        this.writer = new SnapshotWriter(snapshot, patience, metrics);
        for (ApiKind kind : ApiKind.values()) {
            kinds.put(kind, new Kind());
        }
    }

    /**
     * Prepares to ask; nothing is sent before {@link #start}.
     *
     * @param stateDirectory where the snapshot is kept; made when there is one to keep
     * @param registry where the metric {@code ikat_api_event_lag_seconds} is served
     * @throws ClusterSourceException if it is not known where the API is, or how to ask it
     */
    public static KubernetesSource open(ApiAddress address, Path stateDirectory, PrometheusRegistry registry) {
        return open(
                ApiConnection.open(address),
                stateDirectory,
                Patience.DEFAULT,
                new ApiMetrics(registry, Clock.systemUTC()));
    }

    static KubernetesSource open(ApiConnection api, Path stateDirectory, Patience patience, ApiMetrics metrics) {
        return new KubernetesSource(api, new Snapshot(stateDirectory), patience, metrics);
    }

    /**
     * Removes what a source kept there, and the directory if nothing else is in it.
     *
     * @return whether something was kept
     */
    public static boolean forget(Path stateDirectory) throws IOException {
        return new Snapshot(stateDirectory).delete();
    }

    /** {@inheritDoc} It does not wait for the API. */
    @Override
    public void start(ClusterListener heard) {
        lock.lock();
        try {
            if (listener.isPresent() || closed) {
                throw new IllegalStateException("the API at " + api.master() + " is asked already, or no more");
            }
            listener = Optional.of(heard);
            for (ApiKind kind : ApiKind.values()) {
                reflectors.add(new Reflector(kind, api, history, new Intake(), RandomGenerator.getDefault()).start());
            }
            long tick = Math.min(TICK.toMillis(), patience.outage().toMillis());
            ScheduledFuture<?> _ = timer.scheduleWithFixedDelay(this::tick, tick, tick, TimeUnit.MILLISECONDS);
            // Not all nodes at once, as they would after the server had been away.
            long pause = patience.history().toMillis();
            long first = RandomGenerator.getDefault().nextLong(pause) + 1;
            ScheduledFuture<?> _ =
                    timer.scheduleWithFixedDelay(this::checkHistory, first, pause, TimeUnit.MILLISECONDS);
        } finally {
            lock.unlock();
        }
        LOG.info("event=api-started api={}", api.master());
    }

    private void tick() {
        try {
            api.followFiles();
            reflectors.forEach(Reflector::checkStalled);
            history.checkStalled();
            startFromSnapshot();
            save(false);
        } catch (RuntimeException e) {
            LOG.error("event=api-timer-failed error=\"{}\"", e.toString(), e);
        }
    }

    private void checkHistory() {
        try {
            history.check(reflectors);
        } catch (RuntimeException e) {
            LOG.error("event=api-timer-failed error=\"{}\"", e.toString(), e);
        }
    }

    private void startFromSnapshot() {
        locked(() -> {
            boolean outage = kinds.values().stream().anyMatch(kind -> kind.outage.isPresent());
            Duration wait = outage ? patience.outage() : patience.list();
            if (synced || snapshotRead || System.nanoTime() - openedNanos < wait.toNanos()) {
                return;
            }
            snapshotRead = true;
            snapshot.read().ifPresent(this::startFrom);
        });
    }

    private void startFrom(Snapshot.Content content) {
        for (ClusterObject object : content.objects()) {
            Kind kind = known(ApiKind.of(object.key().kind()));
            if (!kind.listed) {
                kind.objects.put(interner.intern(object));
                kind.faults.take(object);
            }
        }
        LOG.warn(
                "event=snapshot-used taken={} objects={}",
                content.taken(),
                content.objects().size());
        asOf = Optional.of(content.taken().truncatedTo(ChronoUnit.SECONDS));
        synced = true;
        first(new ClusterChange(all(), List.of(), List.of()));
    }

    /** Keeps the state for a start without API, if it is time to, or at once. */
    private void save(boolean atOnce) {
        List<ClusterObject> objects;
        lock.lock();
        try {
            if (!synced || asOf.isPresent() || !writer.begin(atOnce)) {
                return;
            }
            objects = all();
        } finally {
            lock.unlock();
        }
        writer.write(objects);
    }

    private List<ClusterObject> all() {
        List<ClusterObject> all = new ArrayList<>();
        kinds.values().forEach(each -> each.objects.forEach(all::add));
        return all;
    }

    /** {@inheritDoc} The node's condition NetworkUnavailable becomes False; it is tried until it works. */
    @Override
    public void networkWorks(String nodeName) {
        Instant since = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        later(Duration.ZERO, () -> announce(nodeName, since));
    }

    private void announce(String nodeName, Instant since) {
        Duration next = patience.repeat();
        try {
            api.patch("/api/v1/nodes/" + nodeName + "/status", networkAvailable(since));
            announceFailure = "";
        } catch (ApiException e) {
            next = patience.retry();
            String failure = String.valueOf(e.getMessage());
            if (!failure.equals(announceFailure)) {
                LOG.warn("event=api-node-condition-failed error=\"{}\"", failure);
            }
            announceFailure = failure;
        } catch (InterruptedException e) {
            // Only close interrupts.
            return;
        }
        later(next, () -> announce(nodeName, since));
    }

    /** Always of the same words, so that to say it again writes nothing. */
    private static String networkAvailable(Instant since) {
        return """
                {"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"IkatIsReady",\
                "message":"Ikat wires the pods of this node","lastTransitionTime":"%s"}]}}""".formatted(since);
    }

    private void later(Duration delay, Runnable action) {
        locked(() -> {
            ScheduledFuture<?> _ = timer.schedule(action, delay.toMillis(), TimeUnit.MILLISECONDS);
        });
    }

    /** What one reflector hears. */
    private final class Intake implements Reflector.Sink {
        @Override
        public void listBegins(ApiKind kind) {
            Kind known = known(kind);
            known.incomingObjects = new ObjectTable();
            known.incomingFaults = new ApiFaults();
        }

        @Override
        public void listed(ApiObject said) {
            Kind known = known(said.kind());
            // The snapshot may just be read into the same tables.
            locked(() -> known.incomingFaults.key(said, known.faults).ifPresent(key -> {
                ClusterObject before = known.objects.get(key);
                known.incomingFaults
                        .read(said, key, before, known.faults)
                        .map(interner::intern)
                        .or(() -> Optional.ofNullable(before))
                        .ifPresent(object ->
                                known.incomingObjects.put(before != null && before.equals(object) ? before : object));
            }));
        }

        @Override
        public void listEnds(ApiKind kind) {
            locked(() -> {
                Kind known = known(kind);
                ObjectTable before = known.objects;
                known.objects = known.incomingObjects;
                known.faults = known.incomingFaults;
                known.incomingObjects = new ObjectTable();
                known.incomingFaults = new ApiFaults();
                known.listed = true;
                LOG.info("event=api-listed kind={} objects={}", kind.title(), known.objects.size());
                boolean complete = kinds.values().stream().allMatch(each -> each.listed);
                if (complete) {
                    asOf = Optional.empty();
                }
                if (synced) {
                    report(before.changeTo(known.objects));
                } else if (complete) {
                    synced = true;
                    first(new ClusterChange(all(), List.of(), List.of()));
                }
            });
        }

        @Override
        public void changed(ApiObject said) {
            Kind known = known(said.kind());
            locked(() -> known.faults.key(said, known.faults).ifPresent(key -> {
                ClusterObject before = known.objects.get(key);
                said.written(before == null).ifPresent(written -> metrics.heard(said.kind(), written));
                known.faults
                        .read(said, key, before, known.faults)
                        .map(interner::intern)
                        .ifPresent(object -> {
                            if (!object.equals(before)) {
                                known.objects.put(object);
                                report(
                                        before == null
                                                ? new ClusterChange(List.of(object), List.of(), List.of())
                                                : new ClusterChange(
                                                        List.of(),
                                                        List.of(new ClusterChange.Update(before, object)),
                                                        List.of()));
                            }
                        });
            }));
        }

        @Override
        public void deleted(ApiObject said) {
            Kind known = known(said.kind());
            locked(() -> known.faults.forget(said).ifPresent(key -> {
                ClusterObject before = known.objects.remove(key);
                if (before != null) {
                    report(new ClusterChange(List.of(), List.of(), List.of(before)));
                }
            }));
        }

        @Override
        public void connected(ApiKind kind) {
            locked(() -> {
                Kind known = known(kind);
                if (known.outage.isPresent()) {
                    LOG.info("event=api-connected kind={}", kind.title());
                    // The API is back for all of them.
                    reflectors.forEach(Reflector::hurry);
                }
                known.outage = Optional.empty();
            });
        }

        @Override
        public void disconnected(ApiKind kind, String reason) {
            locked(() -> {
                Kind known = known(kind);
                SourceFault fault = new SourceFault(kind.title(), reason);
                if (!known.outage.equals(Optional.of(fault))) {
                    LOG.warn("event=api-disconnected kind={} reason=\"{}\"", kind.title(), reason);
                }
                known.outage = Optional.of(fault);
            });
        }
    }

    private Kind known(ApiKind kind) {
        Kind known = kinds.get(kind);
        if (known == null) {
            throw new IllegalStateException("nothing is known of " + kind);
        }
        return known;
    }

    private void locked(Runnable action) {
        lock.lock();
        try {
            if (!closed) {
                action.run();
            }
        } finally {
            lock.unlock();
        }
    }

    private void first(ClusterChange change) {
        LOG.info("event=api-synced objects={}", change.added().size());
        tell(change);
    }

    private void report(ClusterChange change) {
        if (synced && !change.isEmpty()) {
            tell(change);
        }
    }

    private void tell(ClusterChange change) {
        writer.changed(change);
        try {
            listener.ifPresent(heard -> heard.changed(change));
        } catch (RuntimeException e) {
            // The listener's own failure; the next change is still to reach it.
            LOG.error("event=api-report-failed error=\"{}\"", e.toString(), e);
        }
    }

    @Override
    public ClusterState state() {
        lock.lock();
        try {
            return ClusterState.of(synced ? all() : List.of());
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Map<String, Node> nodes() {
        lock.lock();
        try {
            Map<String, Node> nodes = new HashMap<>();
            if (synced) {
                known(ApiKind.NODES).objects.forEach(object -> {
                    if (object instanceof Node node) {
                        nodes.put(node.name(), node);
                    }
                });
            }
            return Map.copyOf(nodes);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean synced() {
        return synced;
    }

    @Override
    public Optional<String> degraded() {
        lock.lock();
        try {
            return asOf.map(taken -> "the API at " + api.master()
                    + " has not told everything since the start; in force is the cluster as of " + taken);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Map<String, Duration> silence() {
        lock.lock();
        try {
            return reflectors.stream()
                    .collect(Collectors.toMap(each -> each.kind().title(), Reflector::silence));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Set<IpAddress> apiServers() {
        return api.address().map(Set::of).orElse(Set.of());
    }

    @Override
    public List<SourceFault> faults() {
        lock.lock();
        try {
            List<SourceFault> faults = new ArrayList<>();
            api.fault().ifPresent(fault -> faults.add(new SourceFault("credentials", fault)));
            kinds.values().forEach(kind -> kind.outage.ifPresent(faults::add));
            kinds.forEach((kind, known) -> faults.addAll(known.faults.all(kind)));
            writer.fault().ifPresent(faults::add);
            return faults;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        timer.shutdownNow();
        reflectors.forEach(Reflector::close);
        try {
            if (timer.awaitTermination(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                save(true);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        api.close();
    }
}
