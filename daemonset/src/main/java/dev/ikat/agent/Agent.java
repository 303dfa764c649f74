package dev.ikat.agent;

import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.ConflistKeeper;
import dev.ikat.agent.cni.StepTimer;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.ClusterOrigin;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.dataplane.NftablesWatch;
import dev.ikat.agent.dataplane.NodePolicy;
import dev.ikat.agent.node.AgentPodNetwork;
import dev.ikat.agent.node.LeaseKeeper;
import dev.ikat.agent.node.NodeFaults;
import dev.ikat.agent.node.NodeNetworkKeeper;
import dev.ikat.agent.node.RunDirectoryKeeper;
import dev.ikat.agent.observe.HealthEndpoint;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.policy.PolicyReport;
import dev.ikat.agent.policy.PolicySettings.Backend;
import dev.ikat.agent.reconcile.FileWatch;
import dev.ikat.agent.reconcile.KernelWatch;
import dev.ikat.agent.reconcile.Readiness;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.RecentErrors;
import dev.ikat.agent.reconcile.ReconcileLoop;
import dev.ikat.agent.reconcile.ReconcileLoop.Cause;
import dev.ikat.agent.reconcile.ReconcileMetrics;
import dev.ikat.agent.server.AgentLock;
import dev.ikat.agent.server.CniServer;
import dev.ikat.agent.server.ContainerLanes;
import dev.ikat.agent.server.ControlClient;
import dev.ikat.agent.status.AgentStatus;
import dev.ikat.agent.status.ErrorStatus;
import dev.ikat.agent.status.LeaseStatus;
import dev.ikat.agent.status.NodeStatus;
import dev.ikat.agent.status.OverlayStatus;
import dev.ikat.agent.status.PolicyStatus;
import dev.ikat.agent.status.SourceStatus;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Node;
import dev.ikat.cni.BatchReaper;
import dev.ikat.cni.CniError;
import dev.ikat.cni.CniPlugin;
import dev.ikat.cni.CniRequest;
import dev.ikat.cni.CniResponse;
import dev.ikat.cni.NodeNetwork;
import dev.ikat.cni.PodConnections;
import dev.ikat.cni.Recovery;
import dev.ikat.cni.TrackedConnections;
import dev.ikat.cni.Verb;
import dev.ikat.ipam.LeaseStore;
import dev.ikat.ipam.RangeUsage;
import dev.ikat.kubernetes.ApiAddress;
import dev.ikat.kubernetes.ApiKind;
import dev.ikat.kubernetes.ApiKinds;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.kubernetes.KubernetesSource;
import dev.ikat.kubernetes.ManifestDirectory;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.nftables.NftablesDataplane;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running agent: its parts, started in the order in which they need each other, and stopped in reverse. What it put
 * into the kernel stays when it stops, and so does the network configuration: pods go on working, and the next agent
 * takes over.
 */
public final class Agent implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Agent.class);
    /** What requests under way may still take when the agent is told to end; systemd and kubelet wait longer. */
    private static final Duration STOP_LIMIT = Duration.ofSeconds(6);

    private static final Set<Part> NETFILTER =
            Collections.unmodifiableSet(EnumSet.of(Part.GUARD, Part.MASQUERADE, Part.POLICY));
    /** What has files in the run directory, which it writes again where they are gone. */
    private static final Set<Part> RUN_FILES = Collections.unmodifiableSet(EnumSet.of(Part.PODS, Part.FORWARDING));

    /** What the agent wants to know of the cluster. */
    private static final List<ApiKind<?>> KINDS = ApiKinds.NETWORKING;

    private final AgentOptions options;
    private final long startNanos = System.nanoTime();
    private final Readiness readiness = new Readiness();
    private final Metrics metrics = new Metrics();
    private final AgentPodNetwork network;
    private final RecentErrors errors = new RecentErrors(Clock.systemUTC());
    private final StepTimer steps;
    private final ConflistKeeper conflist;
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile @Nullable ReconcileLoop loop;
    private volatile @Nullable Dataplanes dataplanes;
    private volatile @Nullable ClusterSource source;
    private boolean wasReady;

    private Agent(AgentOptions options) {
        this.options = options;
        this.network = new AgentPodNetwork(readiness, options.podGsoMaxSize());
        this.steps = new StepTimer(metrics, options.killAt());
        this.conflist = new ConflistKeeper(
                new Conflist(options.conflistDirectory(), options.conflistName(), options.chain()), readiness, metrics);
    }

    /**
     * Starts everything; readiness comes later, and {@code /readyz} says what it waits for.
     *
     * @throws RuntimeException if something can't be started; what was, is stopped again
     */
    static Agent start(AgentOptions options) {
        Agent agent = new Agent(options);
        try {
            agent.start();
            return agent;
        } catch (RuntimeException | Error e) {
            agent.close();
            throw e;
        }
    }

    private void start() {
        LOG.info(
                "event=starting node={} overlay={} run-dir={} pid={}",
                options.nodeName(),
                options.overlay().mode(),
                options.runDirectory(),
                ProcessHandle.current().pid());
        AgentLock lock = keep(AgentLock.acquire(options.runDirectory()));
        metrics.readiness(readiness::isReady);
        options.listen().ifPresent(address -> keep(HealthEndpoint.start(address, metrics, readiness)));
        Clock clock = Clock.systemUTC();
        Rtnetlink netlink = keep(Rtnetlink.open());
        NodeNetwork node = keep(NodeNetwork.current());
        LeaseStore leases = keep(LeaseStore.open(options.runDirectory().resolve("leases"), clock, node.witness()));
        countLeases(leases);
        NftablesDataplane nftables = new NftablesDataplane(
                options.policy().ownTable(), options.policy().dropLogGroup());
        PolicyReport report = new PolicyReport(
                options.policy(),
                netlink,
                metrics.registry(),
                () -> reconcileSoon(EnumSet.of(Part.POLICY), Cause.CHANGE));
        Dataplanes planes = keep(Dataplanes.of(nftables, options.policy(), report::told));
        dataplanes = planes;
        report.metrics().tables(planes::tables);
        NodePolicy policy = keep(NodePolicy.start(options.nodeName(), options.policy(), planes, leases, report));
        TrackedConnections tracked =
                new TrackedConnections(node, reason -> LOG.warn("event=connections-not-ended reason=\"{}\"", reason));
        PodConnections connections = addresses -> {
            tracked.end(addresses);
            planes.endConnections(addresses);
        };
        BatchReaper reaper = keep(new BatchReaper(
                        leases,
                        node,
                        policy.podPolicy(),
                        connections,
                        steps,
                        e -> LOG.error("event=reap-failed error=\"{}\"", e.getMessage(), e))
                .start());
        LeaseKeeper leaseKeeper = new LeaseKeeper(
                new Recovery(leases, node, reaper, clock, options.leaseGrace(), Agent::isAlive),
                leases,
                metrics.registry());
        // Before policies are put in force, which are for pods with leases.
        leaseKeeper.mend();
        ClusterSource cluster = keep(open(options.cluster(), options.stateDirectory(), metrics));
        source = cluster;
        metrics.degraded(() -> cluster.degraded().isPresent());
        metrics.apiSilence(cluster::silence);
        metrics.clusterFaults(cluster::faults);
        NodeFaults nodeFaults = new NodeFaults();
        metrics.nodeFaults(nodeFaults::all);
        NodeNetworkKeeper keeper = new NodeNetworkKeeper(options, cluster, network, netlink, planes, nodeFaults);

        NftablesWatch others = keep(new NftablesWatch(nftables, () -> reconcileSoon(NETFILTER, Cause.DRIFT)));
        ReconcileLoop rounds = keep(new ReconcileLoop(
                options.reconcileInterval(), readiness, new ReconcileMetrics(metrics.registry()), errors));
        keeper.register(rounds);
        policy.register(rounds);
        leaseKeeper.register(rounds);
        // The table is there after the first round, and not before.
        rounds.afterEachRound(others::startIfNeeded);
        rounds.afterEachRound(this::afterRound);
        loop = rounds;
        AtomicBoolean first = new AtomicBoolean(true);
        // It is there before anything is read, so that no change falls between.
        keep(KernelWatch.start(netlink, changed -> reconcileSoon(changed, Cause.DRIFT), () -> {
            Set<Part> parts = keeper.unnoticedDrift();
            if (policy.isUnwatched() || keeper.isUnwatched()) {
                parts.addAll(NETFILTER);
            }
            if (leaseKeeper.roomChanged()) {
                parts.add(Part.PODS);
            }
            return parts;
        }));
        cluster.start(change -> {
            policy.changed(change);
            if (first.getAndSet(false) || concernsNodes(change)) {
                reconcileSoon(KernelWatch.NODE_CHANGE, Cause.CHANGE);
            }
        });
        rounds.start();

        CniPlugin plugin = new CniPlugin(leases, node, network, policy.podPolicy(), reaper, steps);
        AgentStatus status = new AgentStatus()
                .register(new NodeStatus(options.nodeName(), readiness, System::nanoTime))
                .register(new PolicyStatus(planes::chosen, policy::contests))
                .register(new OverlayStatus(options.overlay().mode(), network::situation, nodeFaults::all))
                .register(new LeaseStatus(leases, network::nodePlan, leaseKeeper::faults))
                .register(new SourceStatus(cluster))
                .register(new ErrorStatus(errors));
        CniServer server = CniServer.start(
                options.runDirectory(),
                request -> request.variable(ControlClient.QUESTION).isEmpty()
                        ? handle(plugin, request)
                        : status.answer(request.variable(ControlClient.QUESTION)),
                new ContainerLanes(),
                options.requestThreads());
        keep(() -> {
            if (!server.stop(STOP_LIMIT)) {
                LOG.warn("event=stop-incomplete reason=\"requests still ran after {}\"", STOP_LIMIT);
            }
        });
        watchFiles(lock, server);
        LOG.info("event=listening socket={}/{}", options.runDirectory(), CniServer.SOCKET);
        afterRound();
    }

    private static ClusterSource open(ClusterOrigin origin, Path stateDirectory, Metrics metrics) {
        return switch (origin) {
            case ClusterOrigin.Manifests(Path directory) -> new ManifestDirectory(directory, KINDS);
            case ClusterOrigin.Api(ApiAddress address) ->
                KubernetesSource.open(address, KINDS, stateDirectory, metrics.registry());
        };
    }

    private static boolean concernsNodes(ClusterChange change) {
        return change.added().stream().anyMatch(Node.class::isInstance)
                || change.removed().stream().anyMatch(Node.class::isInstance)
                || change.updated().stream().anyMatch(update -> update.after() instanceof Node);
    }

    /** Takes over from options read anew what can change while the agent runs, and says what can't. */
    synchronized void reload(AgentOptions again) {
        Dataplanes planes = dataplanes;
        Backend backend = again.policy().backend();
        AgentOptions possible = options.with(options.policy().with(backend));
        if (!possible.equals(again)) {
            LOG.warn("event=reload-partial reason=\"only policy-backend can change while the agent runs; restart it\"");
        }
        if (planes == null || planes.chosen() == backend) {
            return;
        }
        if (planes.chosen() == Backend.NONE || backend == Backend.NONE) {
            LOG.warn("event=reload-refused reason=\"--policy-backend can change from or to none only by a restart\"");
            return;
        }
        LOG.info("event=reload policy-backend={}", backend);
        planes.choose(backend);
        reconcileSoon(NETFILTER, Cause.CHANGE);
    }

    /** Before there is a loop, its first round is still to come. */
    private void reconcileSoon(Set<Part> concerned, Cause cause) {
        ReconcileLoop running = loop;
        if (running != null) {
            running.trigger(concerned, cause);
        }
    }

    private <T extends AutoCloseable> T keep(T part) {
        parts.push(part);
        return part;
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }

    private void countLeases(LeaseStore leases) {
        metrics.leases(callback -> network.nodePlan().ifPresent(plan -> {
            for (RangeUsage usage : leases.usage(plan)) {
                String range = usage.range().subnet().toString();
                callback.call((double) usage.leased(), range, "leased");
                callback.call((double) usage.free(), range, "free");
            }
        }));
    }

    private CniResponse handle(CniPlugin plugin, CniRequest request) {
        long start = System.nanoTime();
        CniResponse response = plugin.handle(request);
        steps.finished();
        String verb = Verb.of(request.variable("CNI_COMMAND")).map(Enum::name).orElse("unknown");
        int code = response.error().map(CniError::code).orElse(0);
        if (response.exitCode() != 0) {
            String error = new String(response.stdout(), StandardCharsets.UTF_8).replaceAll("\\s+", " ");
            LOG.info("event=refused code={} error={}", code, error);
            errors.add(verb + " " + request.variable("CNI_CONTAINERID"), error);
        }
        metrics.request(verb, code, System.nanoTime() - start);
        return response;
    }

    private void watchFiles(AgentLock lock, CniServer server) {
        try {
            RunDirectoryKeeper runDirectory = new RunDirectoryKeeper(
                    options.runDirectory(),
                    lock,
                    server,
                    readiness,
                    metrics,
                    () -> reconcileSoon(RUN_FILES, Cause.DRIFT));
            runDirectory.check();
            keep(FileWatch.start(
                    List.of(options.runDirectory(), options.conflistDirectory()),
                    List.of(runDirectory::check, this::checkConflist)));
        } catch (IOException e) {
            throw new UncheckedIOException("can't look at the run directory " + options.runDirectory() + ": " + e, e);
        }
    }

    private boolean checkConflist() {
        boolean inOrder = conflist.check();
        announceIfReady();
        return inOrder;
    }

    /** After each round of the loop, and once when the socket is there. */
    private void afterRound() {
        if (readiness.isReadyBut(Part.CONFLIST)) {
            network.markReady();
            conflist.publish();
            announceIfReady();
        }
    }

    private synchronized void announceIfReady() {
        if (wasReady || !readiness.isReady()) {
            return;
        }
        wasReady = true;
        LOG.info("event=ready after-ms={}", (System.nanoTime() - startNanos) / 1_000_000);
        ClusterSource cluster = source;
        if (cluster != null) {
            cluster.networkWorks(options.nodeName());
        }
    }

    /** Stops everything in reverse order: first no more requests, last the lock. Does nothing the second time. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        LOG.info("event=stopping");
        while (!parts.isEmpty()) {
            AutoCloseable part = parts.pop();
            try {
                part.close();
            } catch (Exception e) {
                // The others have to be stopped all the same.
                LOG.error(
                        "event=stop-failed part={} error=\"{}\"",
                        part.getClass().getSimpleName(),
                        e.toString());
            }
        }
        LOG.info("event=stopped");
    }
}
