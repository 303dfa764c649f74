package dev.ikat.agent.cluster;

import dev.ikat.policy.ClusterChange;
import dev.ikat.policy.ClusterObject;
import dev.ikat.policy.ClusterState;
import dev.ikat.policy.InvalidObjectException;
import dev.ikat.policy.Node;
import dev.ikat.policy.ObjectKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as the Kubernetes API tells it. While the API does not answer, what it said last stays in force; what is
 * wrong with one object leaves that one as it was. The first change comes when every kind was listed, so that nobody
 * takes a policy that was not read yet for one that is not there.
 */
public final class KubernetesSource implements ClusterSource {
    private static final Logger LOG = LoggerFactory.getLogger(KubernetesSource.class);
    private static final Duration STALL_CHECK = Duration.ofSeconds(5);

    private final ApiConnection api;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("api-timer").factory());
    private final Interner interner = new Interner();
    private final List<Reflector> reflectors = new ArrayList<>();

    /** Held while something is taken in and reported, so that reports come one at a time. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Map<ApiKind, Kind> kinds = new EnumMap<>(ApiKind.class);
    private Optional<ClusterListener> listener = Optional.empty();
    private boolean closed;
    private volatile boolean synced;

    /** What is known of one kind. */
    private static final class Kind {
        private Map<ObjectKey, ClusterObject> objects = new HashMap<>();
        private Map<ObjectKey, SourceFault> faults = new HashMap<>();
        private Map<ObjectKey, ClusterObject> incomingObjects = new HashMap<>();
        private Map<ObjectKey, SourceFault> incomingFaults = new HashMap<>();
        private boolean listed;
        private Optional<SourceFault> outage = Optional.empty();
    }

    private KubernetesSource(ApiConnection api) {
        this.api = api;
        for (ApiKind kind : ApiKind.values()) {
            kinds.put(kind, new Kind());
        }
    }

    /**
     * Prepares to ask; nothing is sent before {@link #start}.
     *
     * @throws ClusterSourceException if it is not known where the API is, or how to ask it
     */
    public static KubernetesSource open(ApiAddress address) {
        return new KubernetesSource(ApiConnection.open(address));
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
                reflectors.add(new Reflector(kind, api, new Intake(), RandomGenerator.getDefault()).start());
            }
            ScheduledFuture<?> _ = timer.scheduleWithFixedDelay(
                    () -> reflectors.forEach(Reflector::checkStalled),
                    STALL_CHECK.toMillis(),
                    STALL_CHECK.toMillis(),
                    TimeUnit.MILLISECONDS);
        } finally {
            lock.unlock();
        }
        LOG.info("event=api-started api={}", api.master());
    }

    /** What one reflector hears. */
    private final class Intake implements Reflector.Sink {
        @Override
        public void listBegins(ApiKind kind) {
            Kind known = known(kind);
            known.incomingObjects = new HashMap<>();
            known.incomingFaults = new HashMap<>();
        }

        @Override
        public void listed(ApiObject said) {
            Kind known = known(said.kind());
            keyOf(said).ifPresent(key -> {
                ClusterObject before = known.objects.get(key);
                read(said, key, known.incomingFaults)
                        .or(() -> Optional.ofNullable(before))
                        .ifPresent(object -> known.incomingObjects.put(key, object.equals(before) ? before : object));
            });
        }

        @Override
        public void listEnds(ApiKind kind) {
            locked(() -> {
                Kind known = known(kind);
                Map<ObjectKey, ClusterObject> before = known.objects;
                known.objects = known.incomingObjects;
                known.faults = known.incomingFaults;
                known.incomingObjects = new HashMap<>();
                known.incomingFaults = new HashMap<>();
                known.listed = true;
                LOG.info("event=api-listed kind={} objects={}", kind.title(), known.objects.size());
                if (synced) {
                    report(ClusterChange.between(before, known.objects));
                } else if (kinds.values().stream().allMatch(each -> each.listed)) {
                    List<ClusterObject> all = new ArrayList<>();
                    kinds.values().forEach(each -> all.addAll(each.objects.values()));
                    synced = true;
                    first(new ClusterChange(all, List.of(), List.of()));
                }
            });
        }

        @Override
        public void changed(ApiObject said) {
            locked(() -> keyOf(said).ifPresent(key -> {
                Kind known = known(said.kind());
                known.faults.remove(key);
                read(said, key, known.faults).ifPresent(object -> {
                    ClusterObject before = known.objects.get(key);
                    if (!object.equals(before)) {
                        known.objects.put(key, object);
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
            locked(() -> keyOf(said).ifPresent(key -> {
                Kind known = known(said.kind());
                known.faults.remove(key);
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

    private static Optional<ObjectKey> keyOf(ApiObject said) {
        try {
            return Optional.of(said.key());
        } catch (InvalidObjectException | ManifestFaultException e) {
            // Without a name it can be neither kept nor told about.
            LOG.warn(
                    "event=api-object-unnamed kind={} reason=\"{}\"",
                    said.kind().title(),
                    e.getMessage());
            return Optional.empty();
        }
    }

    private Optional<ClusterObject> read(ApiObject said, ObjectKey key, Map<ObjectKey, SourceFault> faults) {
        try {
            return Optional.of(interner.intern(said.object()));
        } catch (ManifestFaultException e) {
            SourceFault fault = new SourceFault(key.toString(), ApiObject.reasons(e));
            faults.put(key, fault);
            LOG.warn("event=api-object-refused fault=\"{}\"", fault);
            return Optional.empty();
        }
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
            List<ClusterObject> all = new ArrayList<>();
            if (synced) {
                kinds.values().forEach(kind -> all.addAll(kind.objects.values()));
            }
            return ClusterState.of(all);
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
                for (ClusterObject object : known(ApiKind.NODES).objects.values()) {
                    if (object instanceof Node node) {
                        nodes.put(node.name(), node);
                    }
                }
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
    public List<SourceFault> faults() {
        lock.lock();
        try {
            List<SourceFault> faults = new ArrayList<>();
            kinds.values().forEach(kind -> kind.outage.ifPresent(faults::add));
            for (Kind kind : kinds.values()) {
                kind.faults.entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .forEach(entry -> faults.add(entry.getValue()));
            }
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
        api.close();
    }
}
