package dev.ikat.agent.node;

import dev.ikat.agent.config.AgentOptions;
import dev.ikat.agent.dataplane.CapabilityInForce;
import dev.ikat.agent.dataplane.Dataplanes;
import dev.ikat.agent.overlay.HeldAddresses;
import dev.ikat.agent.overlay.InForce;
import dev.ikat.agent.overlay.NodeFault;
import dev.ikat.agent.overlay.OverlayReconciler;
import dev.ikat.agent.overlay.RoutesInForce;
import dev.ikat.agent.overlay.Uplink;
import dev.ikat.agent.overlay.UplinkFinder;
import dev.ikat.agent.reconcile.KernelWatch;
import dev.ikat.agent.reconcile.Readiness.Part;
import dev.ikat.agent.reconcile.ReconcileLoop.NotYetException;
import dev.ikat.agent.reconcile.Reconciliations;
import dev.ikat.cluster.Node;
import dev.ikat.cni.Forwarding;
import dev.ikat.cni.HostAddresses;
import dev.ikat.cni.HostAddresses.Held;
import dev.ikat.cni.HostSettings;
import dev.ikat.dataplane.Capability;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.Masquerading;
import dev.ikat.dataplane.SourceGuard;
import dev.ikat.ipam.Lease;
import dev.ikat.kubernetes.ClusterSource;
import dev.ikat.model.IpAddress;
import dev.ikat.model.IpFamily;
import dev.ikat.netlink.namespace.Sysctl;
import dev.ikat.netlink.route.Netlink;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reconciliations of the node's own network: the node object, the source guard, forwarding, the overlay,
 * masquerade. All run on the reconcile loop's thread; only {@link #unnoticedDrift} is called from another.
 */
public final class NodeNetworkKeeper {
    private static final Logger LOG = LoggerFactory.getLogger(NodeNetworkKeeper.class);

    /** How soon it is seen that a route of somebody else is not in the way any more. */
    private static final Duration IN_THE_WAY_RETRY = Duration.ofSeconds(5);

    private final AgentOptions options;
    private final ClusterSource cluster;
    private final AgentPodNetwork network;
    private final Netlink netlink;
    private final Sysctl.Parameters parameters;
    private final Forwarding forwarding;
    private final OverlayReconciler overlay;
    private final Dataplanes dataplanes;
    private final CapabilityInForce<Masquerading> masquerading;
    private final CapabilityInForce<SourceGuard> guard;
    private boolean unmasqueraded;
    private final NodeFaults faults;
    private final Supplier<List<Lease>> leases;
    private final LongSupplier clock;
    /** When the overlay was last looked at. */
    private volatile long overlayNanos;

    private volatile boolean uplinkMissing;

    public NodeNetworkKeeper(
            AgentOptions options,
            ClusterSource cluster,
            AgentPodNetwork network,
            Netlink netlink,
            Dataplanes dataplanes,
            NodeFaults faults,
            Supplier<List<Lease>> leases) {
        this(options, cluster, network, netlink, Sysctl.PARAMETERS, dataplanes, faults, leases, System::nanoTime);
    }

    NodeNetworkKeeper(
            AgentOptions options,
            ClusterSource cluster,
            AgentPodNetwork network,
            Netlink netlink,
            Sysctl.Parameters parameters,
            Dataplanes dataplanes,
            NodeFaults faults,
            Supplier<List<Lease>> leases,
            LongSupplier clock) {
        this.faults = faults;
        this.leases = leases;
        this.clock = clock;
        this.dataplanes = dataplanes;
        this.options = options;
        this.cluster = cluster;
        this.network = network;
        this.netlink = netlink;
        this.parameters = parameters;
        this.forwarding = new Forwarding(options.runDirectory(), parameters, netlink);
        this.overlay = new OverlayReconciler(netlink);
        this.masquerading = new CapabilityInForce<>(
                dataplanes, Capability.MASQUERADE, Dataplane::masquerading, Masquerading::remove);
        this.guard = new CapabilityInForce<>(dataplanes, Capability.GUARD, Dataplane::guard, SourceGuard::remove);
    }

    /** Registers the parts with the loop: the node object first, and the source guard before there are paths. */
    public void register(Reconciliations loop) {
        loop.register(Part.NODE, this::node);
        loop.register(Part.GUARD, this::guard);
        loop.register(Part.FORWARDING, this::forwarding);
        loop.register(Part.OVERLAY, this::overlay);
        loop.register(Part.MASQUERADE, this::masquerade);
    }

    private NodeSituation situation() {
        return network.situation().orElseThrow(() -> new NotYetException("the node is not known yet"));
    }

    private int node() {
        // Other kinds may be many objects, and nobody tells this part when all of those are read.
        Map<String, Node> nodes = options.podCidrs().apply(cluster.nodes());
        KernelFamilies kernel = KernelFamilies.of(parameters);
        Node whole = Optional.ofNullable(nodes.get(options.nodeName()))
                .orElseThrow(() -> new NotYetException(
                        cluster.synced()
                                ? "there is no Node object named " + options.nodeName()
                                        + "; create it, or correct --node-name"
                                : "the cluster's objects are not read yet"));
        List<NodeFault> lacking = kernel.faults(whole);
        nodes = kernel.only(nodes);
        Node self = Objects.requireNonNull(nodes.get(options.nodeName()));
        if (self.podCidrs().isEmpty() && !lacking.isEmpty()) {
            throw new NotYetException(lacking.getFirst().text());
        }
        if (self.podCidrs().isEmpty()) {
            throw new NotYetException(
                    "node " + self.name() + " has no spec.podCIDRs yet, and --pod-cidrs does not name it");
        }
        if (self.internalIps().isEmpty()) {
            throw new NotYetException("node " + self.name() + " has no status.addresses of type InternalIP yet");
        }
        uplinkMissing = true;
        Uplink uplink = uplink(self, nodes.values());
        uplinkMissing = false;
        // An earlier agent's routes count until there is a plan of this one.
        InForce inForce = network.situation()
                .map(situation -> situation.overlay().inForce())
                .orElseGet(() -> RoutesInForce.read(netlink, self));
        NodeSituation now = NodeSituation.of(
                options.overlay(),
                nodes.values(),
                self,
                uplink,
                cluster.apiServers(),
                inForce,
                options.masquerade(),
                options.masqueradeForeign());
        boolean changed = !network.situation().equals(Optional.of(now));
        if (changed) {
            LOG.atInfo()
                    .addKeyValue("node", self.name())
                    .addKeyValue("pod-cidrs", self.podCidrs())
                    .addKeyValue("uplink", uplink.name())
                    .addKeyValue("mtu", now.overlay().podMtu())
                    .addKeyValue("peers", nodes.size() - 1)
                    .log("node-situation");
        }
        List<NodeFault> all = new ArrayList<>(now.overlay().faults());
        all.addAll(lacking);
        faults.ofObjects(all);
        List<Held> held = HostAddresses.read(netlink);
        faults.ofHost(new HeldAddresses(netlink, self).faults(held, leases));
        Set<IpFamily> given = EnumSet.noneOf(IpFamily.class);
        given.addAll(now.overlay().podFamilies());
        given.retainAll(kernel.families());
        NavigableSet<IpAddress> taken = HostAddresses.addresses(held);
        taken.addAll(now.overlay().answering());
        try {
            network.update(now, given, taken);
        } catch (IllegalArgumentException e) {
            throw new NotYetException("this host has a whole pod CIDR for itself: " + e.getMessage());
        }
        if (network.nodePlan().isEmpty()) {
            throw new NotYetException("pods can't be given addresses: "
                    + all.stream().map(NodeFault::text).collect(Collectors.joining("; ")));
        }
        now.overlay().refusal().ifPresent(reason -> {
            throw new NotYetException("this node assigns no addresses to pods: " + reason);
        });
        return 0;
    }

    private Uplink uplink(Node self, Collection<Node> nodes) {
        return UplinkFinder.find(netlink, options.uplink(), self, nodes)
                .orElseThrow(() -> new NotYetException(options.uplink()
                                .map(name -> "there is no interface " + name)
                                .orElseGet(() -> "no interface has an InternalIP of node " + self.name() + " "
                                        + self.internalIps() + ", or it is on lo and no route leads to another node")
                        + "; correct the node object, or choose another --uplink"));
    }

    private int guard() {
        NodeSituation now = situation();
        boolean repaired = guard.reconcile(keeping -> keeping.reconcile(now.guard()));
        if (repaired) {
            LOG.atInfo()
                    .addKeyValue("by", guard.by().map(Dataplane::name).orElse(""))
                    .addKeyValue("peers", now.guard().peers().size())
                    .log("guard-written");
        }
        return repaired ? 1 : 0;
    }

    private int forwarding() {
        NodeSituation now = situation();
        List<HostSettings.Change> changes =
                forwarding.reconcile(now.families(), Optional.of(now.uplink().name()));
        changes.forEach(change -> LOG.atInfo()
                .addKeyValue("key", change.key())
                .addKeyValue("value", change.value())
                .addKeyValue("before", change.before())
                .log("sysctl-set"));
        return changes.size();
    }

    private int overlay() {
        OverlayReconciler.Outcome outcome = overlay.reconcile(situation().overlay());
        overlayNanos = clock.getAsLong();
        outcome.changes()
                .forEach(change -> LOG.atInfo().addKeyValue("change", change).log("overlay-changed"));
        faults.ofKernel(outcome.faults());
        outcome.untunnelled().ifPresent(reason -> {
            // What is reached without a tunnel has its paths; it is looked for each few seconds whether that is over.
            throw new NotYetException(reason);
        });
        return outcome.changes().size();
    }

    private int masquerade() {
        NodeSituation now = situation();
        if (!options.masquerade()) {
            if (!unmasqueraded) {
                // What an agent with other options left.
                dataplanes.removeLeft(Capability.MASQUERADE, Optional.empty());
                unmasqueraded = true;
            }
            return 0;
        }
        return switch (masquerading.reconcile(keeping -> keeping.reconcile(now.masquerade()))) {
            case UNCHANGED -> 0;
            case REPAIRED -> {
                LOG.atInfo()
                        .addKeyValue(
                                "by", masquerading.by().map(Dataplane::name).orElse(""))
                        .addKeyValue("sources", now.self().podCidrs())
                        .log("masquerade-written");
                yield 1;
            }
        };
    }

    /** The parts that drifted without a notification; for any thread. */
    public Set<Part> unnoticedDrift() {
        boolean gone = guard.by().filter(Dataplane::isGone).isPresent();
        // What else the same dataplane has is gone with it.
        Set<Part> drifted = gone ? EnumSet.of(Part.GUARD, Part.MASQUERADE, Part.POLICY) : EnumSet.noneOf(Part.class);
        if (faults.kernelIsInTheWay() && clock.getAsLong() - overlayNanos > IN_THE_WAY_RETRY.toNanos()) {
            drifted.add(Part.OVERLAY);
        }
        if (uplinkMissing) {
            // Nobody is told of others' routes, of which a host that speaks BGP learns its uplink.
            drifted.addAll(KernelWatch.NODE_CHANGE);
        }
        if (forwarding.hasDrifted()) {
            drifted.add(Part.FORWARDING);
        }
        return drifted;
    }

    /** Whether the kernel does not notify of others' changes, so that they have to be looked for; for any thread. */
    public boolean isUnwatched() {
        return guard.by().filter(by -> !by.isWatched()).isPresent();
    }
}
