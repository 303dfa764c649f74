package dev.ikat.ebpf;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.connection.ConnectionSweep;
import dev.ikat.ebpf.connection.Connections;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfFileSystem;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.BpfObject;
import dev.ikat.ebpf.kernel.EbpfUnavailableException;
import dev.ikat.ebpf.kernel.KernelSupport;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.ebpf.link.ForwardLinks;
import dev.ikat.ebpf.link.WireWatch;
import dev.ikat.ebpf.link.Wires;
import dev.ikat.ebpf.program.Generation;
import dev.ikat.ebpf.program.TableFullException;
import dev.ikat.ebpf.program.Tables;
import dev.ikat.ebpf.program.Transaction;
import dev.ikat.ebpf.service.ServiceMap;
import dev.ikat.ebpf.service.ServiceMaps;
import dev.ikat.ebpf.service.Translations;
import dev.ikat.ebpf.socket.HostSockets;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.netlink.route.Rtnetlink;
import dev.ikat.policy.program.Endpoint;
import dev.ikat.policy.program.PodProgram;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Policies in eBPF. A whole program is loaded with tables of its own and attached before the former one is removed; a
 * change is a transaction on the tables in force. Open connections stay open: all generations share one table of
 * connections, which a later process takes over.
 */
public final class EbpfBackend implements PolicyBackend {
    private static final Logger LOG = LoggerFactory.getLogger(EbpfBackend.class);

    private static final String CONNECTIONS_PREFIX = "connections-";

    /** With its layout's number: a successor with another one begins a new table. */
    static final String CONNECTIONS_PIN = CONNECTIONS_PREFIX + 2;

    /** {@code SETTING_} in maps.h. */
    private static final int SHORTCUTS = 1;

    private static final int RECHECK = 2;
    private static final int EVENTS = 4;
    private static final int SERVICES = 8;

    /** {@code COUNT_SHORTCUT} in maps.h. */
    private static final int COUNT_SHORTCUT = 1;

    /** In nanoseconds. */
    private static final long BETWEEN_AUDITS = 30_000_000_000L;

    private final EbpfSettings settings;
    private final Pins pins;
    private final Rtnetlink netlink;
    private final ForwardLinks forward;
    private final Wires wires;
    private final WireWatch watch;
    private final ConnectionSweep sweep;
    private final TrackedConnections tracked;
    private final Optional<Consumer<LoggedPacket>> events;
    private final Map<InterfaceName, Wires.Target> targets = new HashMap<>();
    private @Nullable EventReader reader;
    private @Nullable Generation generation;
    private volatile Runnable aroundHandOver = () -> {};
    private Tables tables = new Tables();
    private boolean known;
    private long audited = System.nanoTime() - BETWEEN_AUDITS;

    /**
     * Changes nothing yet.
     *
     * @param namespace the node's; has to stay open until this is closed
     * @param uplink the interface by which connections from outside the cluster arrive; empty while it is not known, or
     *     if those are left to others
     * @param events receives dropped packets, with the prefixes with which other backends log
     *     ({@link dev.ikat.dataplane.DropCause}), and some accepted connections, on a thread of its own; empty for no
     *     reports
     */
    public EbpfBackend(
            NetworkNamespace namespace,
            EbpfSettings settings,
            Supplier<Optional<InterfaceName>> uplink,
            Optional<Consumer<LoggedPacket>> events) {
        this.settings = settings;
        this.events = events;
        this.pins = new Pins(namespace);
        this.netlink = Rtnetlink.open(namespace);
        this.forward = new ForwardLinks(pins, namespace);
        this.wires = new Wires(pins, namespace, netlink, settings.tcx(), uplink);
        this.watch = new WireWatch(namespace, uplink, this::updateWires, this::attachWire);
        this.tracked = new TrackedConnections(namespace);
        this.sweep =
                new ConnectionSweep(() -> Connections.sweep(pins.path(CONNECTIONS_PIN)) + Translations.sweep(pins));
    }

    /** Whether any run of this backend has left something in a namespace. */
    public static boolean isPresent(NetworkNamespace namespace) {
        return new Pins(namespace).isPresent();
    }

    @Override
    public Optional<String> probe() {
        try {
            BpfObject.library();
            Optional<String> missing = KernelSupport.missing(KernelSupport.TYPES, BpfObject.NETFILTER);
            if (missing.isPresent()) {
                return missing;
            }
            BpfFileSystem.require(Pins.FILE_SYSTEM);
            Map<String, Integer> least = settings.capacities(new Transaction(), false);
            least.put(EbpfSettings.CONNECTIONS, 1);
            try (BpfObject object = BpfObject.load(BpfObject.Code.PACKETS, least, Map.of())) {
                return forward.probe(object.programFd("attempt"));
            }
        } catch (EbpfUnavailableException | BpfException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public synchronized void replace(PolicyProgram program) {
        known = false;
        try {
            pins.create();
            begin(program);
        } catch (BpfException | NetlinkException e) {
            throw new PolicyBackendException("eBPF could not put the whole program in force: " + e.getMessage(), e);
        }
        known = true;
        watch.start();
        sweep.start();
    }

    private void begin(PolicyProgram program) {
        Tables made = new Tables();
        Transaction rows = made.begin(program);
        Optional<Integer> pinned = Bpf.pinned(pins.path(CONNECTIONS_PIN));
        Optional<Integer> open = pinned.or(() -> Optional.ofNullable(generation)
                .map(former -> connections(former).fd()));
        Map<String, Integer> services = ServiceMaps.descriptors(pins);
        Map<String, Integer> reused = new HashMap<>(services);
        open.ifPresent(fd -> reused.put(EbpfSettings.CONNECTIONS, fd));
        Generation next;
        try {
            next = new Generation(
                    BpfObject.load(BpfObject.Code.PACKETS, settings.capacities(rows, !services.isEmpty()), reused),
                    // Not one that a connection was judged at already: each transaction takes one, at most.
                    (int) System.currentTimeMillis(),
                    flags() | (services.isEmpty() ? 0 : SERVICES),
                    settings.sample());
        } finally {
            pinned.ifPresent(Bpf::close);
            services.values().forEach(Bpf::close);
        }
        try {
            next.commit(rows);
            lead(next, made, program, pinned.isEmpty());
        } catch (RuntimeException e) {
            // Else it leads, if not everywhere, and is what the next attempt follows.
            if (generation != next) {
                next.close();
            }
            throw e;
        }
    }

    private int flags() {
        return (settings.shortcuts() ? SHORTCUTS : 0)
                | (settings.cut() ? RECHECK : 0)
                | (events.isPresent() ? EVENTS : 0);
    }

    private void lead(Generation next, Tables made, PolicyProgram program, boolean first) {
        BpfMap connections = connections(next);
        if (first) {
            tracked.takeOver(connections, TrackedConnections.ends(program), next.epoch() - 1);
        } else if (generation == null) {
            // Pods may have gone since a former process ended.
            Connections.forgetOthers(connections, TrackedConnections.ends(program));
        }
        forward.lead(next.object().programFd("forward"));
        Generation former = generation;
        generation = next;
        tables = made;
        targets.clear();
        program.pods().values().forEach(this::target);
        try {
            wires.lead(next.object().map("wires"), heads(next), targets);
            if (former == null) {
                while (wires.attachNext(next.object().map("wires"), heads(next), targets)) {
                    // One after the other.
                }
            } else {
                watch.trigger();
            }
            if (first) {
                // Those that began meanwhile. It has its name once it knows all of them.
                tracked.takeOver(connections, TrackedConnections.ends(program), next.epoch() - 1);
                Bpf.pin(connections.fd(), pins.path(CONNECTIONS_PIN));
                // Of a former version, with another layout.
                pins.names(CONNECTIONS_PREFIX).stream()
                        .filter(name -> !name.equals(CONNECTIONS_PIN))
                        .forEach(pins::remove);
            }
        } finally {
            end(former);
            events.ifPresent(consumer -> reader = new EventReader(next.object().map("events"), consumer));
        }
    }

    private static BpfMap connections(Generation of) {
        return of.object().map(EbpfSettings.CONNECTIONS);
    }

    private static boolean isTranslating(Generation of) {
        return (of.flags() & SERVICES) != 0;
    }

    private static Wires.Heads heads(Generation of) {
        return new Wires.Heads(
                of.object().programFd("from_pod"),
                of.object().programFd("from_overlay"),
                of.object().programFd("from_uplink"),
                isTranslating(of) ? OptionalInt.of(of.object().programFd("to_pod")) : OptionalInt.empty());
    }

    private void end(@Nullable Generation former) {
        if (reader != null) {
            reader.close();
            reader = null;
        }
        if (former != null) {
            former.close();
        }
    }

    private void target(PodProgram program) {
        InterfaceName name = program.endpoint().hostInterface();
        tables.endpoint(name)
                .ifPresent(id -> targets.put(
                        name, new Wires.Target(id, program.endpoint().addresses())));
    }

    @Override
    public synchronized void apply(PolicyChange change) {
        Generation current = generation;
        if (!known || current == null) {
            throw new PolicyBackendException(
                    "it is not known what is in force; the whole program has to be put in force first");
        }
        if (change.isEmpty()) {
            return;
        }
        known = false;
        try {
            Transaction rows = tables.change(change);
            try {
                current.commit(rows);
            } catch (TableFullException e) {
                if (e.capacity() >= settings.limit(e.table())) {
                    throw e;
                }
                LOG.atInfo()
                        .addKeyValue("table", e.table().map())
                        .addKeyValue("capacity", e.capacity())
                        .log("policy-tables-grow");
                begin(tables.program());
            }
        } catch (BpfException | NetlinkException e) {
            throw new PolicyBackendException("eBPF could not change the program in force: " + e.getMessage(), e);
        }
        known = true;
        change.removedPods().stream().map(Endpoint::hostInterface).forEach(targets::remove);
        change.programs().forEach(this::target);
        if (!change.programs().isEmpty() || !change.removedPods().isEmpty()) {
            watch.trigger();
        }
    }

    /** Links have come or gone. */
    private synchronized void updateWires() {
        Generation current = generation;
        if (current != null) {
            wires.update(current.object().map("wires"), heads(current), targets);
        }
    }

    private synchronized boolean attachWire() {
        Generation current = generation;
        return current != null && wires.attachNext(current.object().map("wires"), heads(current), targets);
    }

    @Override
    public synchronized List<String> audit(PolicyProgram program) {
        Generation current = generation;
        if (!known || current == null) {
            return List.of("it is not known what is in force");
        }
        try {
            List<String> differences = new ArrayList<>(tables.differences(program));
            differences.addAll(current.differences());
            differences.addAll(linkDifferences(current));
            audited = System.nanoTime();
            return differences;
        } catch (BpfException e) {
            throw new PolicyBackendException("eBPF could not read what is in force: " + e.getMessage(), e);
        }
    }

    /** Checks the links each time and the tables from time to time: nobody changes those by accident. */
    @Override
    public synchronized boolean isUntouched() {
        Generation current = generation;
        return known
                && current != null
                && System.nanoTime() - audited < BETWEEN_AUDITS
                && linkDifferences(current).isEmpty();
    }

    private List<String> linkDifferences(Generation current) {
        List<String> differences =
                new ArrayList<>(forward.differences(current.object().programFd("forward")));
        differences.addAll(wires.differences(heads(current)));
        if (!followsServices(current)) {
            differences.add("the programs don't translate services as they should");
        }
        if (!pins.has(CONNECTIONS_PIN)) {
            differences.add("the name " + pins.path(CONNECTIONS_PIN) + " is gone");
        }
        return differences;
    }

    @Override
    public void handOver() {
        aroundHandOver.run();
        handOverConnections();
        // Those that have come meanwhile.
        aroundHandOver.run();
    }

    private synchronized void handOverConnections() {
        Generation current = generation;
        tracked.handOverServices(pins);
        if (current != null) {
            tracked.handOver(connections(current));
            return;
        }
        // Of a former process.
        Connections.withPinned(pins.path(CONNECTIONS_PIN), tracked::handOver);
    }

    @Override
    public synchronized void remove() {
        known = false;
        try {
            if (!pins.isPresent()) {
                return;
            }
            Generation current = generation;
            if (current != null) {
                // New connections take the way that the next backend sees; those that are open are told of below.
                current.setFlags(current.flags() & ~SHORTCUTS);
            }
            handOverConnections();
            wires.end();
            forward.end();
            pins.remove(CONNECTIONS_PIN);
            pins.names("").stream()
                    .filter(name -> !name.startsWith(ServiceMaps.PREFIX) && !name.startsWith(HostSockets.PREFIX))
                    .forEach(pins::remove);
            pins.removeDirectoryIfEmpty();
        } catch (BpfException e) {
            throw new PolicyBackendException("eBPF could not remove the program: " + e.getMessage(), e);
        } finally {
            targets.clear();
            end(generation);
            generation = null;
        }
    }

    /**
     * Has the programs translate services, or not any more, where that has changed since they were loaded, and be at
     * the uplink where that has become another. If that fails, an audit finds it.
     */
    synchronized void followServices() {
        watch.trigger();
        Generation current = generation;
        // Without its connections it is somebody else's, or nobody's.
        if (!known || current == null || !pins.has(CONNECTIONS_PIN) || followsServices(current)) {
            return;
        }
        known = false;
        begin(tables.program());
        known = true;
    }

    /** Has this run before connections of further pods to services are translated, on any thread. */
    void beforeTranslating(Runnable task) {
        wires.beforeRestoring(task);
    }

    /** Has this run where connections to services are handed over, before and after. */
    void aroundHandOver(Runnable task) {
        aroundHandOver = task;
    }

    private boolean followsServices(Generation current) {
        return isTranslating(current)
                ? ServiceMaps.areUsed(
                        pins, current.object().map(ServiceMap.FRONTENDS.map()).fd())
                : !ServiceMaps.arePresent(pins);
    }

    /** Has connections to services take the kernel's own path from now on. */
    synchronized void leaveTranslated() {
        Connections.withPinned(pins.path(CONNECTIONS_PIN), Connections::leaveTranslated);
    }

    /** Deletes every open connection: the next packet of each is checked like a first one. */
    synchronized void forgetConnections() {
        Generation current = generation;
        if (current != null) {
            Connections.clear(connections(current));
        }
    }

    /** How full the tables are, 0 to 1, by name. */
    public synchronized Map<String, Double> fill() {
        Generation current = generation;
        return current == null ? Map.of() : current.fill();
    }

    /** How many pods the other pods of this node reach by the fast path. */
    synchronized int shortcuts() {
        return wires.size();
    }

    /** How many pods have their connections to services translated. */
    synchronized int translated() {
        return wires.restoring();
    }

    /** Whether the programs see connections from outside. */
    synchronized boolean isAtUplink() {
        return wires.isAtUplink();
    }

    /** Whether pods of other nodes are reached by the fast path through the overlay. */
    synchronized boolean reachesOverlay() {
        return wires.reachesOverlay();
    }

    /** How many packets have taken the fast path since the program was put in force. */
    synchronized long shortcutPackets() {
        Generation current = generation;
        return current == null ? 0 : current.counter(COUNT_SHORTCUT);
    }

    /** Changes an element of a table behind its back, or adds one: what an audit has to find. */
    synchronized void damage(boolean foreign) {
        Generation current = generation;
        if (current != null) {
            current.damage(foreign);
        }
    }

    /** Releases what the process holds; what is in the kernel stays in force. */
    @Override
    public void close() {
        watch.close();
        sweep.close();
        synchronized (this) {
            known = false;
            wires.close();
            forward.close();
            end(generation);
            generation = null;
            netlink.close();
        }
    }
}
