package dev.ikat.controller;

import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.LoadBalancerService;
import dev.ikat.cluster.ObjectKey;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.controller.allocation.Allocator;
import dev.ikat.controller.allocation.PoolState;
import dev.ikat.controller.allocation.Refusal;
import dev.ikat.controller.allocation.Verdict;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ApiWriter;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.kubernetes.SourceFault;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The leader's work, on a thread of its own: takes in what the source tells, in order, and has written what follows
 * from it. Thread-safe.
 */
final class Assignments implements AutoCloseable, ControllerMetrics.Counts {
    private static final Logger LOG = LoggerFactory.getLogger(Assignments.class);
    /** How often pools are reported of at most, and faults of the source are looked at. */
    private static final Duration TICK = Duration.ofMillis(500);

    private final ClusterSource source;
    private final ApiWriter writer;
    private final WriteQueue queue;
    private final ControllerMetrics metrics;
    private final Clock clock;
    private final Allocator allocator;
    private final PoolReports reports;
    private final BlockingQueue<Heard> heard = new LinkedBlockingQueue<>();
    private final Map<ObjectKey, Refusal> told = new HashMap<>();
    private final Thread thread =
            Thread.ofPlatform().name("assignments").daemon().unstarted(this::run);
    private Map<String, String> unreadable = new TreeMap<>();
    private volatile boolean begun;
    private volatile List<PoolState> pools = List.of();
    private volatile List<String> refusedPools = List.of();
    private volatile long refused;
    private volatile long served;

    private record Heard(ClusterChange change, long nanos) {}

    Assignments(
            ClusterSource source,
            ApiWriter writer,
            WriteQueue queue,
            ControllerMetrics metrics,
            Clock clock,
            Allocator allocator) {
        this.source = source;
        this.writer = writer;
        this.queue = queue;
        this.metrics = metrics;
        this.clock = clock;
        this.allocator = allocator;
        this.reports = new PoolReports(writer, queue, clock);
    }

    void start() {
        source.subscribe(source.kinds(), change -> heard.add(new Heard(change, System.nanoTime())));
        thread.start();
    }

    /** Whether all that there is was taken in once. */
    boolean hasBegun() {
        return begun;
    }

    private void run() {
        long nextTick = System.nanoTime();
        try {
            while (true) {
                Heard next = heard.poll(TICK.toNanos(), TimeUnit.NANOSECONDS);
                if (next != null) {
                    unreadable = unreadablePools();
                    take(next);
                    begun = true;
                }
                if (begun && System.nanoTime() - nextTick >= 0) {
                    tick();
                    nextTick = System.nanoTime() + TICK.toNanos();
                }
            }
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private void tick() {
        Map<String, String> now = unreadablePools();
        if (!now.keySet().equals(unreadable.keySet())) {
            unreadable = now;
            take(new Heard(ClusterChange.NONE, System.nanoTime()));
        }
        unreadable = now;
        pools = allocator.pools();
        refused = allocator.refused();
        served = allocator.served();
        reports.report(pools, unreadable);
        refusedPools = reports.refused();
    }

    private Map<String, String> unreadablePools() {
        Map<String, String> faults = new TreeMap<>();
        for (SourceFault fault : source.faults()) {
            fault.object()
                    .filter(key -> key.kind().equals(ObjectKind.ADDRESS_POOL))
                    .ifPresent(key -> faults.put(key.name(), fault.reason()));
        }
        return faults;
    }

    private void take(Heard next) {
        for (ClusterObject gone : next.change().removed()) {
            if (gone instanceof LoadBalancerService) {
                told.remove(gone.key());
                queue.drop(gone.key().toString());
                queue.drop(event(gone.key()));
            }
        }
        for (Verdict verdict : allocator.apply(next.change(), unreadable.keySet(), clock.instant())) {
            addresses(verdict, next.nanos());
            refusal(verdict);
        }
    }

    private static String event(ObjectKey service) {
        return service + " event";
    }

    private void addresses(Verdict verdict, long heardNanos) {
        LoadBalancerService service = verdict.service();
        if (!verdict.differs()) {
            queue.drop(service.key().toString());
            return;
        }
        String body = Bodies.addresses(service, verdict.addresses());
        queue.put(new WriteQueue.Entry(
                service.key().toString(),
                "service",
                () -> writer.mergeStatus(ApiKinds.LOAD_BALANCER_SERVICES, service.key(), body),
                () -> {
                    metrics.assigned(Duration.ofNanos(System.nanoTime() - heardNanos));
                    LOG.atInfo()
                            .addKeyValue("service", service.namespace() + "/" + service.name())
                            .addKeyValue("addresses", verdict.addresses())
                            .log("service-addresses");
                }));
    }

    private void refusal(Verdict verdict) {
        LoadBalancerService service = verdict.service();
        Optional<Refusal> now = verdict.refusal();
        Refusal before = now.isPresent() ? told.put(service.key(), now.get()) : told.remove(service.key());
        if (now.isPresent() && !now.get().equals(before)) {
            LOG.atWarn()
                    .addKeyValue("service", service.namespace() + "/" + service.name())
                    .addKeyValue("reason", now.get().message())
                    .log("service-refused");
            String body = Bodies.event(service, now.get(), clock.instant());
            queue.put(new WriteQueue.Entry(
                    event(service.key()), "event", () -> writer.createEvent(service.namespace(), body), () -> {}));
        }
    }

    @Override
    public List<PoolState> pools() {
        return pools;
    }

    @Override
    public List<String> refusedPools() {
        return refusedPools;
    }

    @Override
    public long refusedServices() {
        return refused;
    }

    @Override
    public long servedServices() {
        return served;
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
