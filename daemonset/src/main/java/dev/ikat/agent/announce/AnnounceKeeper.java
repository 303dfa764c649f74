package dev.ikat.agent.announce;

import dev.ikat.agent.config.AnnounceOptions;
import dev.ikat.agent.reconcile.ClusterInbox;
import dev.ikat.cluster.BgpAdvertisement.ServiceAddresses;
import dev.ikat.cluster.Claims;
import dev.ikat.cluster.ClusterChange;
import dev.ikat.cluster.ClusterObject;
import dev.ikat.cluster.Node;
import dev.ikat.cluster.ServicePlace;
import dev.ikat.cluster.ServicePlaces;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.route.Address;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Netlink;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a {@link LinkAnnouncer} on each link on which addresses are announced, and tells all of them what the cluster
 * says, on a thread of its own. Thread-safe.
 */
final class AnnounceKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AnnounceKeeper.class);

    /** How often the links and this node's own part are looked at where nothing is said to have changed. */
    private static final Duration LOOK = Duration.ofSeconds(1);

    private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

    private final String nodeName;
    private final AnnounceOptions options;
    private final Netlink netlink;
    private final Supplier<Optional<InterfaceName>> uplink;
    private final Supplier<Optional<String>> hindrance;
    private final AnnounceMetrics metrics;
    private final ClusterInbox inbox = new ClusterInbox();

    private final Thread thread;

    /** What only the thread uses. */
    private final Map<String, Node> nodes = new HashMap<>();

    private final ServicePlaces places = new ServicePlaces();
    private SortedMap<IpAddress, Optional<Set<String>>> addresses = Collections.emptySortedMap();
    private boolean clusterKnown;
    /** Whether the addresses may be others since they were last looked for. */
    private boolean clusterChanged;

    private String reported = "";

    private volatile Map<InterfaceName, LinkAnnouncer> announcers = Map.of();
    private volatile AnnouncePlan plan = AnnouncePlan.NOTHING;
    private volatile List<String> faults = List.of();
    private volatile boolean closed;

    /**
     * Works in the network namespace of the calling thread.
     *
     * @param nodeName this node's
     * @param netlink the kernel of this network namespace
     * @param uplink the link to the other nodes; empty before it is known
     * @param hindrance why this node can't send connections to services on; empty if it can
     * @param registry serves the metrics
     */
    AnnounceKeeper(
            String nodeName,
            AnnounceOptions options,
            Netlink netlink,
            Supplier<Optional<InterfaceName>> uplink,
            Supplier<Optional<String>> hindrance,
            PrometheusRegistry registry) {
        this.nodeName = nodeName;
        this.options = options;
        this.netlink = netlink;
        this.uplink = uplink;
        this.hindrance = hindrance;
        this.metrics = new AnnounceMetrics(registry, this::state);
        this.thread = Thread.ofPlatform().name("announce").unstarted(this::run);
    }

    /** Starts the thread. */
    AnnounceKeeper start() {
        thread.start();
        return this;
    }

    /** The cluster has changed; the first call has all of its objects. */
    void changed(ClusterChange change) {
        inbox.changed(change);
    }

    /** A link, or what this node can do, may have changed. */
    void look() {
        inbox.look();
    }

    private void run() {
        try {
            while (!closed) {
                List<ClusterChange> batch = inbox.take(LOOK);
                try {
                    batch.forEach(this::take);
                    work();
                } catch (RuntimeException e) {
                    fault(List.of("internal error: " + e.getMessage()), Optional.of(e));
                }
            }
        } catch (InterruptedException e) {
            // Only close interrupts; the thread ends when the last words are said.
        } finally {
            boolean _ = Thread.interrupted();
            announcers.values().forEach(LinkAnnouncer::close);
        }
    }

    private void take(ClusterChange change) {
        clusterKnown = true;
        clusterChanged = true;
        change.removed().forEach(object -> nodes.remove(name(object)));
        change.updated().forEach(update -> put(update.after()));
        change.added().forEach(this::put);
        Claims.Difference<ServicePlace> _ = places.apply(change);
    }

    private void put(ClusterObject object) {
        if (object instanceof Node node) {
            nodes.put(node.name(), node);
        }
    }

    /** Of a node; of anything else a text that is no node's name. */
    private static String name(ClusterObject object) {
        return object instanceof Node node ? node.name() : "";
    }

    private void work() {
        if (!clusterKnown) {
            return;
        }
        if (clusterChanged) {
            addresses = addresses();
            clusterChanged = false;
        }
        AnnouncePlan now = new AnnouncePlan(nodes, addresses, ownHindrance());
        if (!now.equals(plan)) {
            plan = now;
        }
        List<Link> links = netlink.links();
        List<Address> held = netlink.addresses();
        LinkChoice choice = LinkChoice.of(options.interfaces(), uplink.get(), links, held);
        List<String> wrong = new ArrayList<>(choice.faults());
        announce(choice.links(), wrong);
        wrong.addAll(heldHere(addresses.keySet(), links, held));
        fault(wrong, Optional.empty());
    }

    /** The addresses of load balancers, but for nodes' own: a load balancer that runs on nodes may give those. */
    private SortedMap<IpAddress, Optional<Set<String>>> addresses() {
        Set<IpAddress> ofNodes = new HashSet<>();
        nodes.values().forEach(node -> ofNodes.addAll(node.internalIps()));
        SortedMap<IpAddress, Optional<Set<String>>> addresses = new TreeMap<>();
        for (ServicePlace place : places.all()) {
            IpAddress address = place.address();
            boolean announced = place.kind() == ServiceAddresses.LOAD_BALANCER_IP
                    && !ofNodes.contains(address)
                    && !address.isUnspecified()
                    && !address.isLoopback()
                    && !address.isMulticast()
                    && !address.isLinkLocal();
            if (announced) {
                addresses.merge(address, place.nodes(), AnnounceKeeper::either);
            }
        }
        return Collections.unmodifiableSortedMap(addresses);
    }

    /** Of two services with one address, a node that may announce it for either may. */
    private static Optional<Set<String>> either(Optional<Set<String>> one, Optional<Set<String>> other) {
        return one.flatMap(some -> other.map(more -> {
            Set<String> all = new HashSet<>(some);
            all.addAll(more);
            return Set.copyOf(all);
        }));
    }

    private Optional<String> ownHindrance() {
        Node self = nodes.get(nodeName);
        if (self == null || self.internalIps().isEmpty()) {
            return Optional.of("there is no Node object " + nodeName + " with an InternalIP");
        }
        if (!self.takesLoadBalancing()) {
            return Optional.of(
                    self.leaving()
                            ? "the node is about to leave the cluster"
                            : "the node has the label " + Node.EXCLUDED_LABEL);
        }
        return hindrance.get();
    }

    private void announce(List<AnnounceLink> links, List<String> wrong) {
        Map<InterfaceName, LinkAnnouncer> before = announcers;
        Map<InterfaceName, LinkAnnouncer> now = new LinkedHashMap<>();
        for (AnnounceLink link : links) {
            Optional<LinkAnnouncer> there = Optional.ofNullable(before.get(link.name()))
                    .filter(one -> one.link().isSameAs(link));
            if (there.isPresent()) {
                there.get().update(plan, link);
                now.put(link.name(), there.get());
            }
        }
        before.values().stream().filter(one -> !now.containsValue(one)).forEach(LinkAnnouncer::close);
        for (AnnounceLink link : links) {
            if (!now.containsKey(link.name())) {
                try {
                    now.put(link.name(), LinkAnnouncer.start(nodeName, plan, link, metrics));
                } catch (NetlinkException e) {
                    wrong.add("addresses can't be announced on " + link.name() + ": " + e.getMessage());
                }
            }
        }
        announcers = Collections.unmodifiableMap(now);
    }

    /** The kernel answers for an address that a link has, whichever node announces it. */
    private static List<String> heldHere(Set<IpAddress> addresses, List<Link> links, List<Address> held) {
        List<String> wrong = new ArrayList<>();
        for (Address one : held) {
            if (addresses.contains(one.address().address())) {
                String name = links.stream()
                        .filter(link -> link.index() == one.interfaceIndex())
                        .map(link -> link.name().value())
                        .findFirst()
                        .orElse("LINK");
                wrong.add(one.address().address() + " is an address of this host's interface " + name
                        + ", so the kernel answers for it, whichever node announces it; remove it: ip address del "
                        + one.address() + " dev " + name);
            }
        }
        return wrong;
    }

    /** Logs what has come to be wrong. */
    private void fault(List<String> wrong, Optional<RuntimeException> cause) {
        String now = String.join("; ", wrong);
        if (!now.equals(reported) && !now.isEmpty()) {
            LOG.atWarn().addKeyValue("reason", now).setCause(cause.orElse(null)).log("announcing-hindered");
        }
        reported = now;
        faults = List.copyOf(wrong);
    }

    /** What has become of announcing. */
    AnnounceState state() {
        List<LinkState> links =
                announcers.values().stream().map(LinkAnnouncer::now).toList();
        List<String> wrong = new ArrayList<>(faults);
        for (LinkState link : links) {
            link.failure().ifPresent(reason -> wrong.add(link.link() + ": " + reason));
            link.conflicts().forEach(conflict -> wrong.add(link.link() + ": " + conflict));
            if (!link.presumed().isEmpty()) {
                wrong.add(link.link() + ": no other node has been heard, although these are ready: "
                        + String.join(", ", link.presumed())
                        + "; this node announces what falls to it among all of them. Either they do not announce, or "
                        + "the network does not pass on broadcast frames of EtherType 0x88b5");
            }
        }
        SortedMap<IpAddress, Set<String>> confined = new TreeMap<>();
        plan.addresses().forEach((address, some) -> some.ifPresent(names -> confined.put(address, names)));
        return new AnnounceState(true, nodeName, links, confined, wrong);
    }

    /** Stops: other nodes take the addresses over at once. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(STOP_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
