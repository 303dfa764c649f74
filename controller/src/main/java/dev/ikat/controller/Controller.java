package dev.ikat.controller;

import dev.ikat.controller.allocation.Allocator;
import dev.ikat.controller.allocation.PoolState;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ApiWriter;
import dev.ikat.kubernetes.KubernetesSource;
import dev.ikat.kubernetes.LeaderLease;
import dev.ikat.kubernetes.SourceFault;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One replica of the controller. It waits for the lease; while it holds that, it reads the cluster anew and gives
 * services addresses. A replica that loses the lease is of no use any more: whoever watches over it has to start it
 * again. Thread-safe.
 */
public final class Controller implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Controller.class);

    private static final ControllerMetrics.Counts NOTHING = new ControllerMetrics.Counts() {
        @Override
        public List<PoolState> pools() {
            return List.of();
        }

        @Override
        public List<String> refusedPools() {
            return List.of();
        }

        @Override
        public long refusedServices() {
            return 0;
        }

        @Override
        public long servedServices() {
            return 0;
        }
    };

    private final ControllerOptions options;
    private final PrometheusRegistry registry;
    private final ControllerMetrics metrics;
    private final Runnable lost;
    private final ApiWriter writer;
    private final LeaderLease lease;
    private final WriteQueue queue;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("lease-watch").factory());

    private @Nullable KubernetesSource source;
    private volatile @Nullable Assignments assignments;
    /** Whether it has begun to lead, be it in vain. */
    private volatile boolean led;

    private boolean closed;

    private Controller(ControllerOptions options, PrometheusRegistry registry, Runnable lost) {
        this.options = options;
        this.registry = registry;
        this.lost = lost;
        this.metrics = new ControllerMetrics(registry);
        this.writer = ApiWriter.open(options.api());
        this.lease = writer.lease(options.leaseNamespace(), options.leaseName(), options.identity());
        this.queue = new WriteQueue(lease::isHeld, metrics);
        metrics.serve(registry, lease::isHeld, this::counts);
    }

    /**
     * Starts to wait for the lease.
     *
     * @param registry serves the controller's metrics
     * @param lost runs when the lease was lost: the process should end then
     * @throws dev.ikat.kubernetes.ClusterSourceException if the API's address or the credentials for it are not known
     */
    public static Controller start(ControllerOptions options, PrometheusRegistry registry, Runnable lost) {
        Controller controller = new Controller(options, registry, lost);
        controller.lease.start(controller::lead);
        ScheduledFuture<?> _ = controller.timer.scheduleWithFixedDelay(controller::watch, 1, 1, TimeUnit.SECONDS);
        return controller;
    }

    private ControllerMetrics.Counts counts() {
        Assignments now = assignments;
        return now == null ? NOTHING : now;
    }

    private synchronized void lead() {
        led = true;
        if (closed) {
            return;
        }
        KubernetesSource opened = KubernetesSource.openFresh(options.api(), ApiKinds.ADDRESS_KINDS, registry);
        source = opened;
        Assignments begun =
                new Assignments(opened, writer, queue, metrics, Clock.systemUTC(), new Allocator(options.rules()));
        opened.start();
        begun.start();
        assignments = begun;
    }

    private void watch() {
        writer.followFiles();
        if (led && !lease.isHeld()) {
            LOG.atError().addKeyValue("identity", options.identity()).log("leadership-lost");
            timer.shutdown();
            lost.run();
        }
    }

    /** Why it is not doing its part: as the leader, or as one that waits to be. None if it is. */
    public List<String> notReady() {
        Assignments now = assignments;
        if (now != null) {
            return now.hasBegun() ? List.of() : List.of("api: not all services and pools are known yet" + faults());
        }
        Optional<String> fault = lease.fault();
        if (fault.isPresent()) {
            return List.of("lease: " + fault.get());
        }
        return lease.otherHolder().isPresent() ? List.of() : List.of("lease: nobody is known to hold it yet");
    }

    private synchronized String faults() {
        if (source == null) {
            return "";
        }
        return source.faults().stream()
                .map(SourceFault::toString)
                .map(fault -> "; " + fault)
                .reduce("", String::concat);
    }

    /** Ends its work, and gives the lease back if it holds it. */
    @Override
    public void close() {
        timer.shutdownNow();
        synchronized (this) {
            closed = true;
            if (source != null) {
                source.close();
            }
        }
        Assignments now = assignments;
        if (now != null) {
            now.close();
        }
        queue.close();
        lease.close();
        writer.close();
    }
}
