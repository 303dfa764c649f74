package dev.ikat.agent.services;

import dev.ikat.agent.config.ServiceOptions;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.observe.HealthCheckPorts;
import dev.ikat.agent.observe.ServiceHealth;
import dev.ikat.agent.observe.ServiceHealthPort;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.services.KubeProxySigns.Sign;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.services.compiler.ServiceCompiler;
import dev.ikat.services.compiler.ServiceSettings;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what the kernel does with connections to services up to date with the cluster. Changes that arrive at the same
 * time are compiled together and become one change of the kernel, on one thread. {@link #reconcile} puts everything in
 * force at first, and repairs drift later. Thread-safe.
 */
final class ServiceKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServiceKeeper.class);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    /** How often a kube-proxy that is there, or has just gone, is looked for. */
    private static final Duration LOOK_INTERVAL = Duration.ofSeconds(2);

    private final ServiceOptions options;
    private final BlockingQueue<Arrival> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private final Supplier<? extends Set<IpAddress>> hostAddresses;
    private final Runnable needed;
    private final ServiceMetrics metrics;
    private final StaleFlows stale;
    private final ServiceHealth health = new ServiceHealth();
    private final ServiceHealthPort healthPort;
    private final HealthCheckPorts healthChecks = new HealthCheckPorts(health::isHealthy);
    private final KubeProxySigns kubeProxy;

    /** Held while something is compiled and put in force. */
    private final ReentrantLock lock = new ReentrantLock();

    private final ServiceCompiler compiler;
    private final ServicesInForce inForce;
    private final ConntrackLimits limits =
            new ConntrackLimits(Sysctl.PARAMETERS, Runtime.getRuntime().availableProcessors());
    private final KubeProxyTurn turn = new KubeProxyTurn();
    private boolean clusterKnown;
    /** What shows that there is a kube-proxy, or what one has left; empty if nothing does. */
    private Optional<Sign> sign = Optional.empty();

    /** Of the rules, when they were last asked for signs of a kube-proxy. */
    private int generation;

    /** When somebody last looked for a kube-proxy, in nanoseconds. */
    private long looked = System.nanoTime();

    private volatile boolean closed;

    /**
     * A change of the cluster, and when it came.
     *
     * @param since in nanoseconds, as {@link System#nanoTime} counts
     */
    private record Arrival(ClusterChange change, long since) {}

    /**
     * Works in the network namespace of the calling thread.
     *
     * @param nodeName this node's
     * @param hostAddresses the addresses of the host's links
     * @param registry serves the metrics
     * @param needed has {@link #reconcile} run soon
     */
    ServiceKeeper(
            String nodeName,
            ServiceOptions options,
            Dataplanes dataplanes,
            Supplier<? extends Set<IpAddress>> hostAddresses,
            PrometheusRegistry registry,
            Runnable needed) {
        this.options = options;
        this.hostAddresses = hostAddresses;
        this.needed = needed;
        this.compiler =
                new ServiceCompiler(nodeName, new ServiceSettings(options.externalIps(), options.nodePortAddresses()));
        this.inForce = new ServicesInForce(dataplanes);
        this.healthPort = new ServiceHealthPort(options.healthPort(), health);
        this.stale = new StaleFlows(Conntrack.open());
        this.kubeProxy = KubeProxySigns.open();
        this.metrics = new ServiceMetrics(registry, this::state);
        this.thread = Thread.ofPlatform().name("services").unstarted(this::run);
    }

    /** Starts the thread. */
    ServiceKeeper start() {
        thread.start();
        return this;
    }

    /** The cluster has changed; the first call has all of its objects. */
    void changed(ClusterChange change) {
        health.waits();
        queue.add(new Arrival(change, System.nanoTime()));
    }

    private void run() {
        try {
            while (!closed) {
                List<Arrival> batch = new ArrayList<>();
                batch.add(queue.take());
                queue.drainTo(batch);
                work(batch);
            }
        } catch (InterruptedException e) {
            // Only close interrupts.
            Thread.currentThread().interrupt();
        }
    }

    private void work(List<Arrival> batch) {
        lock.lock();
        try {
            ServiceChange change = ServiceChange.NONE;
            for (Arrival arrival : batch) {
                change = change.then(compiler.apply(arrival.change()));
            }
            boolean first = !clusterKnown;
            clusterKnown = true;
            if (first || (inForce.failure().isEmpty() && !change.isEmpty() && !inForce.apply(change))) {
                needed.run();
            } else if (inForce.failure().isEmpty() && !change.isEmpty()) {
                metrics.applied(System.nanoTime() - batch.getFirst().since());
                ServiceChange applied = change;
                forget(() -> stale.forget(applied.changed(), applied.removed()));
            }
            if (inForce.failure().isEmpty()) {
                healthChecks.serve(compiler.healthChecks());
            }
        } catch (RuntimeException e) {
            LOG.atError().addKeyValue("error", e.getMessage()).setCause(e).log("services-failed");
            inForce.lost("internal error: " + e.getMessage());
            needed.run();
        } finally {
            reportHealth();
            lock.unlock();
        }
    }

    private void reportHealth() {
        health.nodeLeaves(compiler.isNodeLeaving());
        if (inForce.failure().isPresent()) {
            health.waits();
        } else if (queue.isEmpty()) {
            health.isInForce();
        }
    }

    private Optional<Sign> lookForKubeProxy() {
        looked = System.nanoTime();
        Optional<Sign> seen = kubeProxy.find(healthPort.holds(KubeProxySigns.HEALTH_PORT));
        turn.look(seen, looked);
        return seen;
    }

    private boolean isLeftToKubeProxy() {
        return options.mode() == ServiceOptions.Mode.AUTO && turn.isItsTurn();
    }

    /**
     * Puts services in force, or repairs them; takes them out of force where it is a kube-proxy's turn and the setting
     * is {@code auto}.
     *
     * @return how many differences there were
     * @throws NotYetException if the cluster's services are not read yet
     * @throws RuntimeException if no dataplane can be used here, or the kernel can't be asked or refuses
     */
    int reconcile() {
        lock.lock();
        try {
            Optional<Sign> seen = lookForKubeProxy();
            if (isLeftToKubeProxy()) {
                leaveToKubeProxy(seen.orElseThrow());
                return 0;
            }
            if (sign.isPresent() && seen.filter(Sign::runs).isEmpty() && !seen.equals(sign)) {
                LOG.atInfo()
                        .addKeyValue("left", seen.map(Sign::words).orElse("nothing"))
                        .log("kube-proxy-gone");
            }
            sign = seen;
            healthPort.serve();
            if (!clusterKnown) {
                throw new NotYetException("the cluster's services are not read yet");
            }
            ServiceChange change =
                    options.nodePortAddresses().isEmpty() ? ServiceChange.NONE : compiler.host(hostAddresses.get());
            boolean before = inForce.failure().isEmpty();
            if (before && !change.isEmpty()) {
                before = inForce.apply(change);
            }
            int differences = inForce.reconcile(compiler::program);
            limits.raise();
            if (!before) {
                forget(() -> stale.forgetAll(compiler.program()));
            }
            healthChecks.serve(compiler.healthChecks());
            return differences;
        } finally {
            reportHealth();
            lock.unlock();
        }
    }

    private void leaveToKubeProxy(Sign seen) {
        if (!sign.equals(Optional.of(seen))) {
            LOG.atInfo().addKeyValue("sign", seen.words()).log("services-left-to-kube-proxy");
        }
        sign = Optional.of(seen);
        healthChecks.serve(List.of());
        healthPort.close();
        health.isOut();
        inForce.remove("services is auto, and a kube-proxy is seen: " + seen.words());
    }

    private void forget(IntSupplier forgetting) {
        try {
            int flows = forgetting.getAsInt();
            if (flows > 0) {
                metrics.forgotten(flows);
                LOG.atInfo().addKeyValue("flows", flows).log("service-flows-forgotten");
            }
        } catch (NetlinkException e) {
            // The services are in force; only flows that are open already are concerned.
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("service-flows-not-forgotten");
        }
    }

    /** Whether the kernel does not notify of others' changes, so that they have to be looked for. */
    boolean isUnwatched() {
        lock.lock();
        try {
            return !inForce.isWatched();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether a kube-proxy has come or gone since {@link #reconcile} last looked. For the agent's regular looks: where
     * there is none, the rules are only asked for when somebody has changed some.
     */
    boolean isConcerned() {
        lock.lock();
        try {
            int now = kubeProxy.generation();
            boolean quiet = (sign.isEmpty() && !turn.waits()) ? now == generation : isRecent();
            if (quiet) {
                return false;
            }
            generation = now;
            boolean before = turn.isItsTurn();
            return !lookForKubeProxy().equals(sign) || turn.isItsTurn() != before;
        } finally {
            lock.unlock();
        }
    }

    private boolean isRecent() {
        return System.nanoTime() - looked < LOOK_INTERVAL.toNanos();
    }

    /** Why connections to services are not sent on here; empty if they are, or that is left to a kube-proxy. */
    Optional<String> hindrance() {
        lock.lock();
        try {
            return isLeftToKubeProxy() ? Optional.empty() : inForce.failure();
        } finally {
            lock.unlock();
        }
    }

    /** What has become of services. */
    ServiceState state() {
        lock.lock();
        try {
            ServiceProgram program = compiler.program();
            Set<Backend> backends = new HashSet<>();
            Set<Object> services = new HashSet<>();
            for (FrontendProgram frontend : program.frontends().values()) {
                services.add(List.of(frontend.service(), frontend.frontend().protocol()));
                backends.addAll(frontend.backends());
            }
            List<String> findings = new ArrayList<>();
            if (!isLeftToKubeProxy()) {
                sign.ifPresent(seen -> findings.add(besideKubeProxy(seen)));
            }
            compiler.findings().forEach(finding -> findings.add(finding.toString()));
            findings.addAll(healthChecks.failures());
            healthPort.failure().ifPresent(findings::add);
            return new ServiceState(
                    inForce.by(),
                    inForce.failure(),
                    services.size(),
                    program.frontends().size(),
                    backends.size(),
                    inForce.remarks(),
                    findings);
        } finally {
            lock.unlock();
        }
    }

    private static String besideKubeProxy(Sign seen) {
        return seen.runs()
                ? "a kube-proxy does services beside Ikat: " + seen.words()
                : "services are Ikat's task, and there is " + seen.words();
    }

    /** Stops; what is in the kernel stays in force. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(STOP_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        healthChecks.close();
        healthPort.close();
        lock.lock();
        try {
            inForce.close();
            stale.close();
            kubeProxy.close();
        } finally {
            lock.unlock();
        }
    }
}
