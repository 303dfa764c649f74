package dev.ikat.agent;

import dev.ikat.agent.announce.NodeAnnouncing;
import dev.ikat.agent.bgp.NodeBgp;
import dev.ikat.agent.cni.Conflist;
import dev.ikat.agent.cni.ConflistKeeper;
import dev.ikat.agent.cni.PluginPrograms;
import dev.ikat.agent.cni.RequestHandler;
import dev.ikat.agent.cni.StepTimer;
import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.config.ClusterOrigin;
import dev.ikat.agent.config.Listen;
import dev.ikat.agent.dataplane.BackendChange;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.dataplane.NftablesWatch;
import dev.ikat.agent.dataplane.NodePolicy;
import dev.ikat.agent.firewall.DatapathProbe;
import dev.ikat.agent.firewall.FirewallKeeper;
import dev.ikat.agent.firewall.HostRuleset;
import dev.ikat.agent.node.AgentPodNetwork;
import dev.ikat.agent.node.LeaseKeeper;
import dev.ikat.agent.node.LeasesOutside;
import dev.ikat.agent.node.NodeFaults;
import dev.ikat.agent.node.NodeNetworkKeeper;
import dev.ikat.agent.node.ReadyNode;
import dev.ikat.agent.node.RunDirectoryKeeper;
import dev.ikat.agent.observe.BuildInfo;
import dev.ikat.agent.observe.HealthEndpoint;
import dev.ikat.agent.observe.Metrics;
import dev.ikat.agent.observe.NodeListener;
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
import dev.ikat.agent.server.Reply;
import dev.ikat.agent.services.NodeServices;
import dev.ikat.agent.status.AgentStatus;
import dev.ikat.agent.status.AnnounceStatus;
import dev.ikat.agent.status.BgpStatus;
import dev.ikat.agent.status.ConflistStatus;
import dev.ikat.agent.status.ErrorStatus;
import dev.ikat.agent.status.FirewallStatus;
import dev.ikat.agent.status.LeaseStatus;
import dev.ikat.agent.status.NodeStatus;
import dev.ikat.agent.status.OverlayStatus;
import dev.ikat.agent.status.PolicyReviewStatus;
import dev.ikat.agent.status.PolicyStatus;
import dev.ikat.agent.status.ReloadStatus;
import dev.ikat.agent.status.ServiceStatus;
import dev.ikat.agent.status.SourceStatus;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ObjectKind;
import dev.ikat.cni.BatchReaper;
import dev.ikat.cni.CniPlugin;
import dev.ikat.cni.HostAddresses;
import dev.ikat.cni.LastAgent;
import dev.ikat.cni.NodeNetwork;
import dev.ikat.cni.PodConnections;
import dev.ikat.cni.Recovery;
import dev.ikat.cni.StepObserver;
import dev.ikat.cni.TrackedConnections;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.ebpf.service.Surroundings;
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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes an agent of its parts: opens each after what it needs, keeps it to be stopped in reverse, and joins them. It
 * decides nothing that a part could decide.
 */
final class AgentWiring {
    private static final Logger LOG = LoggerFactory.getLogger(AgentWiring.class);
    /** What requests under way may still take when the agent is told to end; systemd and kubelet wait longer. */
    private static final Duration STOP_LIMIT = Duration.ofSeconds(6);

    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    private static final Set<Part> NETFILTER =
            Collections.unmodifiableSet(EnumSet.of(Part.GUARD, Part.MASQUERADE, Part.POLICY, Part.SERVICES));
    /** What has files in the run directory, which it writes again where they are gone. */
    private static final Set<Part> RUN_FILES = Collections.unmodifiableSet(EnumSet.of(Part.PODS, Part.FORWARDING));

    private final AgentOptions options;
    private final StartedParts parts;
    private final long startNanos = System.nanoTime();
    private final Clock clock = Clock.systemUTC();
    private final Readiness readiness = new Readiness();
    private final Metrics metrics = new Metrics();
    private final RecentErrors errors = new RecentErrors(clock);
    private final NodeFaults nodeFaults = new NodeFaults();
    private final AgentPodNetwork network;
    private final StepTimer steps;
    private final ConflistKeeper conflist;
    private final AgentStatus status = new AgentStatus();
    /** What surrounded the node when it was looked at last. */
    private Optional<Surroundings> followed = Optional.empty();
    /** Others may trigger it before it is started. */
    private final ReconcileLoop loop;

    AgentWiring(AgentOptions options, StartedParts parts) {
        this.options = options;
        this.parts = parts;
        this.network = new AgentPodNetwork(
                readiness, options.podGsoMaxSize(), clock, new LastAgent(options.runDirectory(), clock).expected());
        this.steps = new StepTimer(metrics, options.killAt());
        this.conflist = new ConflistKeeper(
                new Conflist(
                        options.conflistDirectory(),
                        options.conflistName(),
                        options.chain(),
                        options.keepChained(),
                        new PluginPrograms(options.pluginDirectories())),
                readiness,
                metrics);
        this.loop = new ReconcileLoop(
                options.reconcileInterval(), readiness, new ReconcileMetrics(metrics.registry()), errors);
    }

    /** Starts everything, and returns what options that are read anew can change. */
    BackendChange start() {
        LOG.atInfo()
                .addKeyValue("version", BuildInfo.VERSION)
                .addKeyValue("java", BuildInfo.java())
                .addKeyValue("kernel", BuildInfo.kernel())
                .addKeyValue("node", options.nodeName())
                .addKeyValue("policy-backend", options.policy().backend())
                .addKeyValue("overlay", options.overlay().mode())
                .addKeyValue("run-dir", options.runDirectory())
                .addKeyValue("pid", ProcessHandle.current().pid())
                .log("starting");
        status.register(new NodeStatus(options.nodeName(), readiness, this::running));
        AgentLock lock = parts.keep(AgentLock.acquire(options.runDirectory()));
        metrics.build(options.nodeName());
        metrics.readiness(readiness::isReady);
        Optional<HealthEndpoint> health = health();
        Rtnetlink netlink = parts.keep(Rtnetlink.open());
        NodeNetwork node = parts.keep(NodeNetwork.current());
        LeaseStore leases =
                parts.keep(LeaseStore.open(options.runDirectory().resolve("leases"), clock, node.witness()));
        countLeases(leases);
        NftablesDataplane nftables = new NftablesDataplane(
                options.policy().ownTable(), options.policy().dropLogGroup());
        PolicyReport report = new PolicyReport(
                options.policy(),
                netlink,
                metrics.registry(),
                () -> loop.trigger(EnumSet.of(Part.POLICY), Cause.CHANGE));
        Dataplanes planes = parts.keep(Dataplanes.of(
                nftables,
                options.policy(),
                new Outside(options.services().directReturn(), this::surroundings),
                report::told,
                options.runDirectory()));
        report.metrics().tables(planes::tables);
        NodePolicy policy = parts.keep(NodePolicy.start(options.nodeName(), options.policy(), planes, leases, report));
        NodeServices services = parts.keep(NodeServices.start(
                options.nodeName(),
                options.services(),
                planes,
                () -> HostAddresses.addresses(HostAddresses.read(netlink)),
                metrics.registry(),
                () -> loop.trigger(EnumSet.of(Part.SERVICES), Cause.CHANGE)));
        status.register(new ServiceStatus(services::state));
        BackendChange change = new BackendChange(options, planes, () -> loop.trigger(NETFILTER, Cause.CHANGE));
        metrics.reloads(change::notApplied);
        status.register(PolicyReviewStatus.QUESTION, new PolicyReviewStatus(policy::review));
        status.register(new PolicyStatus(policy::state, policy::contests))
                .register(new ReloadStatus(change::notApplied));
        BatchReaper reaper = parts.keep(reaper(node, leases, planes, policy));
        LeaseKeeper leaseKeeper = new LeaseKeeper(
                new Recovery(leases, node, reaper, clock, options.leaseGrace(), AgentWiring::isAlive),
                leases,
                metrics.registry());
        // Before policies are put in force, which are for pods with leases.
        leaseKeeper.mend();
        ClusterSource cluster = parts.keep(cluster());
        NodeNetworkKeeper keeper =
                new NodeNetworkKeeper(options, cluster, network, netlink, planes, nodeFaults, leases::leases);
        LeasesOutside outside = new LeasesOutside(leases, Conflist.NETWORK, network::situation);
        status.register(new OverlayStatus(options.overlay().mode(), network::situation, nodeFaults::all))
                .register(new LeaseStatus(
                        leases,
                        network::nodePlan,
                        () -> Stream.concat(leaseKeeper.faults().stream(), outside.faults().stream())
                                .toList()))
                .register(new ConflistStatus(conflist.conflist(), conflist::faults))
                .register(new SourceStatus(cluster))
                .register(new ErrorStatus(errors));
        NodeBgp bgp = parts.keep(NodeBgp.start(
                options.nodeName(),
                options.bgp(),
                options.runDirectory(),
                netlink,
                network::situation,
                cluster::setCondition,
                metrics.registry()));
        status.register(new BgpStatus(bgp::state));
        NodeAnnouncing announcing = parts.keep(NodeAnnouncing.start(
                options.nodeName(),
                options.announce(),
                netlink,
                () -> network.situation().map(situation -> situation.uplink().name()),
                services::hindrance,
                metrics.registry()));
        status.register(new AnnounceStatus(announcing::state));
        loop.afterEachRound(outside::tell);
        loop.afterEachRound(this::followSurroundings);
        loop.afterEachRound(bgp::look);
        loop.afterEachRound(announcing::look);
        health.ifPresent(endpoint -> listenOnNode(endpoint, cluster));
        ReadyNode ready = new ReadyNode(
                readiness, network, conflist, () -> cluster.networkWorks(options.nodeName()), this::running);

        FirewallKeeper firewall = parts.keep(firewall(planes, leases, node, policy, report, reaper));
        status.register(new FirewallStatus(firewall::lastTest, firewall::faults));

        keeper.register(loop);
        policy.register(loop);
        services.register(loop);
        firewall.register(loop);
        leaseKeeper.register(loop);
        NftablesWatch others = parts.keep(new NftablesWatch(nftables, () -> loop.trigger(NETFILTER, Cause.DRIFT)));
        // The table is there after the first round, and not before.
        loop.afterEachRound(others::startIfNeeded);
        loop.afterEachRound(ready::check);
        parts.keep(loop);
        // It is there before anything is read, so that no change falls between.
        parts.keep(KernelWatch.start(
                netlink,
                changed -> loop.trigger(changed, Cause.DRIFT),
                () -> unnoticedDrift(keeper, policy, services, leaseKeeper, firewall)));
        listen(cluster, policy);
        services.subscribe(cluster);
        bgp.subscribe(cluster);
        announcing.subscribe(cluster);
        loop.start();

        CniPlugin plugin = new CniPlugin(leases, node, network, policy.podPolicy(), reaper, steps);
        CniServer server = serve(new RequestHandler(plugin::handle, steps, metrics, errors));
        watchFiles(lock, server, ready);
        LOG.atInfo()
                .addKeyValue("socket", options.runDirectory() + "/" + CniServer.SOCKET)
                .log("listening");
        ready.check();
        return change;
    }

    /** What connections from outside the cluster have to be told from; empty on an uplink that is no Ethernet. */
    private Optional<Surroundings> surroundings() {
        return network.situation()
                .filter(situation -> situation.uplink().neighbours())
                .map(situation -> new Surroundings(
                        situation.uplink().name(),
                        Set.copyOf(situation.self().internalIps()),
                        situation.guard().nodeAddresses()));
    }

    /** Has services put in force anew where something else surrounds the node. */
    private void followSurroundings() {
        Optional<Surroundings> now = surroundings();
        if (!now.equals(followed)) {
            followed = now;
            loop.trigger(EnumSet.of(Part.SERVICES), Cause.CHANGE);
        }
    }

    private Optional<HealthEndpoint> health() {
        Optional<InetSocketAddress> address = switch (options.listen()) {
            case Listen.Nowhere() -> Optional.empty();
            case Listen.At(InetSocketAddress at) -> Optional.of(at);
            // The kubelet asks here, also before the node's object is known.
            case Listen.OnNode(int port) -> Optional.of(new InetSocketAddress(LOOPBACK, port));
        };
        return address.map(at -> parts.keep(HealthEndpoint.start(at, metrics, readiness::reasons)));
    }

    private void listenOnNode(HealthEndpoint endpoint, ClusterSource cluster) {
        if (options.listen() instanceof Listen.OnNode(int port)) {
            NodeListener listener = new NodeListener(
                    endpoint,
                    port,
                    () -> Optional.ofNullable(cluster.nodes().get(options.nodeName()))
                            .map(Node::internalIps)
                            .orElse(List.of()),
                    errors);
            loop.afterEachRound(listener::check);
        }
    }

    private Duration running() {
        return Duration.ofNanos(System.nanoTime() - startNanos);
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

    private BatchReaper reaper(NodeNetwork node, LeaseStore leases, Dataplanes planes, NodePolicy policy) {
        TrackedConnections tracked = new TrackedConnections(
                node, reason -> LOG.atWarn().addKeyValue("reason", reason).log("connections-not-ended"));
        PodConnections connections = addresses -> {
            tracked.end(addresses);
            planes.endConnections(addresses);
        };
        return new BatchReaper(
                        leases,
                        node,
                        policy.podPolicy(),
                        connections,
                        steps,
                        e -> LOG.atError()
                                .addKeyValue("error", e.getMessage())
                                .setCause(e)
                                .log("reap-failed"))
                .start();
    }

    private FirewallKeeper firewall(
            Dataplanes planes,
            LeaseStore leases,
            NodeNetwork node,
            NodePolicy policy,
            PolicyReport report,
            BatchReaper reaper) {
        CniPlugin plugin =
                new CniPlugin(leases, node, network.beforeReady(), policy.podPolicy(), reaper, StepObserver.NONE);
        FirewallKeeper firewall = new FirewallKeeper(
                network::situation,
                network::nodePlan,
                planes,
                HostRuleset.open(),
                new DatapathProbe(plugin::handle, report::isClaimed, () -> planes.chosen() == Backend.EBPF),
                () -> readiness.isReadyBut(Part.FIREWALL, Part.CONFLIST),
                () -> loop.trigger(EnumSet.of(Part.FIREWALL), Cause.CHANGE),
                clock);
        metrics.blockedPackets(firewall::failing);
        return firewall;
    }

    private static boolean isAlive(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }

    private ClusterSource cluster() {
        // Some are needed for more than one thing.
        Set<ApiKind<?>> all = new LinkedHashSet<>(ApiKinds.NETWORKING);
        all.addAll(NodeServices.kinds(options.services()));
        all.addAll(NodeBgp.kinds(options.bgp()));
        all.addAll(NodeAnnouncing.kinds(options.announce()));
        List<ApiKind<?>> kinds = List.copyOf(all);
        ClusterSource cluster = switch (options.cluster()) {
            case ClusterOrigin.Manifests(Path directory) -> new ManifestDirectory(directory, kinds);
            case ClusterOrigin.Api(ApiAddress address) ->
                KubernetesSource.open(address, kinds, options.stateDirectory(), metrics.registry());
        };
        metrics.degraded(() -> cluster.degraded().isPresent());
        metrics.apiSilence(cluster::silence);
        metrics.clusterFaults(cluster::faults);
        metrics.nodeFaults(nodeFaults::all);
        return cluster;
    }

    /** What the kernel does not tell of, by looks that cost next to nothing. */
    private static Set<Part> unnoticedDrift(
            NodeNetworkKeeper keeper,
            NodePolicy policy,
            NodeServices services,
            LeaseKeeper leases,
            FirewallKeeper firewall) {
        Set<Part> drifted = keeper.unnoticedDrift();
        if (policy.isUnwatched() || services.isUnwatched() || keeper.isUnwatched()) {
            drifted.addAll(NETFILTER);
        }
        if (services.isConcerned()) {
            drifted.add(Part.SERVICES);
        }
        if (firewall.isConcerned()) {
            drifted.add(Part.FIREWALL);
        }
        if (leases.roomChanged()) {
            drifted.add(Part.PODS);
        }
        return drifted;
    }

    private void listen(ClusterSource cluster, NodePolicy policy) {
        AtomicBoolean first = new AtomicBoolean(true);
        cluster.start();
        Set<ObjectKind> kinds = ApiKinds.NETWORKING.stream().map(ApiKind::kind).collect(Collectors.toSet());
        cluster.subscribe(kinds, change -> {
            policy.changed(change);
            if (first.getAndSet(false) || concernsNodes(change)) {
                loop.trigger(KernelWatch.NODE_CHANGE, Cause.CHANGE);
                // Which port the tunnel has, and whether there is one, follows from the nodes.
                loop.trigger(EnumSet.of(Part.FIREWALL), Cause.CHANGE);
            }
        });
    }

    private static boolean concernsNodes(ClusterChange change) {
        return change.added().stream().anyMatch(Node.class::isInstance)
                || change.removed().stream().anyMatch(Node.class::isInstance)
                || change.updated().stream().anyMatch(update -> update.after() instanceof Node);
    }

    private CniServer serve(RequestHandler requests) {
        CniServer server = CniServer.start(
                options.runDirectory(),
                request -> request.variable(ControlClient.QUESTION).isEmpty()
                        ? requests.apply(request)
                        : Reply.silent(status.answer(request.variable(ControlClient.QUESTION))),
                new ContainerLanes(),
                options.requestThreads());
        parts.keep(() -> {
            if (!server.stop(STOP_LIMIT)) {
                LOG.atWarn()
                        .addKeyValue("reason", "requests still ran after " + STOP_LIMIT)
                        .log("stop-incomplete");
            }
        });
        return server;
    }

    private void watchFiles(AgentLock lock, CniServer server, ReadyNode ready) {
        try {
            RunDirectoryKeeper runDirectory = new RunDirectoryKeeper(
                    options.runDirectory(),
                    lock,
                    server,
                    readiness,
                    metrics,
                    () -> loop.trigger(RUN_FILES, Cause.DRIFT));
            runDirectory.check();
            parts.keep(FileWatch.start(
                    List.of(options.runDirectory(), options.conflistDirectory()),
                    List.of(runDirectory::check, ready::checkConflist)));
        } catch (IOException e) {
            throw new UncheckedIOException("can't watch the run directory " + options.runDirectory() + ": " + e, e);
        }
    }
}
