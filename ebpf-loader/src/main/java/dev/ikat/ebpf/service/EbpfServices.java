package dev.ikat.ebpf.service;

import dev.ikat.cluster.Protocol;
import dev.ikat.dataplane.Dataplane;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.dataplane.ServiceBackend;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.EbpfUnavailableException;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.ebpf.service.ServiceTables.Side;
import dev.ikat.ebpf.socket.HostSockets;
import dev.ikat.model.Cidr;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.Conntrack;
import dev.ikat.services.program.Backend;
import dev.ikat.services.program.Frontend;
import dev.ikat.services.program.FrontendProgram;
import dev.ikat.services.program.ServiceChange;
import dev.ikat.services.program.ServiceProgram;
import dev.ikat.services.program.StickyClient;
import dev.ikat.services.program.Target;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Services of which the programs at links and for the node's sockets translate what they can: connections of this
 * node's pods, of the node itself, and from {@linkplain Outside outside}, to plain frontends. Another dataplane has all
 * services in force beneath, for everything that passes these programs as it is, as where a client's address decides
 * whether it gets in, or is the backend's. Where the kernel can't have the maps, it serves alone; where it can't have
 * the programs for sockets, it serves the node. Not thread-safe, except for {@link #fill}, {@link #takeOverClients} and
 * {@link #handOverClients}.
 */
public final class EbpfServices implements ServiceBackend {
    private static final Logger LOG = LoggerFactory.getLogger(EbpfServices.class);

    /** What the programs for sockets use of the maps. */
    private static final List<ServiceMap> SHARED =
            List.of(ServiceMap.FRONTENDS, ServiceMap.BACKENDS, ServiceMap.STICKY_BACKENDS, ServiceMap.STICKY_CLIENTS);

    /** In nanoseconds. */
    private static final long BETWEEN_AUDITS = 30_000_000_000L;

    private final NetworkNamespace namespace;
    private final Pins pins;
    private final ToIntFunction<ServiceMap> capacities;
    private final Optional<Sockets> sockets;
    private final Outside outside;
    private final ServiceBackend rest;
    private final StickyFrontends sticky;
    private final Programs programs;
    private volatile Optional<Open> open = Optional.empty();
    /** The programs for the node's sockets; empty where there are none. */
    private Optional<HostSockets> host = Optional.empty();
    /** Whether there can't be maps here. */
    private boolean alone;
    /** What the kernel lacks. */
    private Optional<String> lacking = Optional.empty();

    private Set<Cidr> podCidrs = Set.of();
    private boolean full;
    private long audited = System.nanoTime() - BETWEEN_AUDITS;

    private record Open(ServiceMaps maps, ServiceTables inside, OutsideTables outside) {}

    /**
     * The node's sockets.
     *
     * @param group the control group that they are in
     * @param flows the most flows that are known of them
     */
    public record Sockets(Path group, int flows) {}

    /** The programs at links. */
    public interface Programs {
        /** Has them translate services, or not any more, as the maps have come or gone, and be at the uplink. */
        void follow();

        /** Has them leave the connections that they translated to the kernel's own path. */
        void leaveTranslated();
    }

    /**
     * @param namespace the node's; has to stay open until this is closed
     * @param capacities the most elements of each map
     * @param sockets those of the node itself; empty if they are left to the other dataplane
     * @param outside how connections from outside the cluster are served
     * @param beneath does what the programs can't
     */
    public EbpfServices(
            NetworkNamespace namespace,
            ToIntFunction<ServiceMap> capacities,
            Optional<Sockets> sockets,
            Outside outside,
            Dataplane beneath,
            Programs programs) {
        this.namespace = namespace;
        this.pins = new Pins(namespace);
        this.capacities = capacities;
        this.sockets = sockets;
        this.outside = outside;
        this.rest = beneath.services();
        this.sticky = new StickyFrontends(namespace, beneath);
        this.programs = programs;
    }

    @Override
    public synchronized void replace(ServiceProgram program, Collection<StickyClient> clients) {
        rest.replace(program, clients);
        boolean first = !ServiceMaps.arePresent(pins);
        Optional<Open> opened = opened();
        if (opened.isEmpty()) {
            return;
        }
        Open now = opened.get();
        try {
            now.maps().name();
            podCidrs = program.podCidrs();
            Collection<FrontendProgram> frontends = program.frontends().values();
            BpfMap clientMap = now.maps().map(ServiceMap.STICKY_CLIENTS);
            sticky.beforeReplacement(clientMap, now.inside(), program, clients);
            if (first) {
                now.outside().leaveTracked(namespace, frontends, podCidrs);
            }
            tell(now.inside().replace(frontends, podCidrs) + now.outside().replace(frontends));
            if (first) {
                // Those that began meanwhile.
                now.outside().leaveTracked(namespace, frontends, podCidrs);
            }
            sticky.afterReplacement(clientMap, now.inside());
            Map<MapKey, Set<Backend>> flows = new HashMap<>();
            frontends.forEach(frontend -> datagrams(frontend, flows));
            // A flow may be to a service that has gone while nobody looked.
            BiPredicate<MapKey, Backend> stale = (place, backend) ->
                    isOfDatagrams(place) && !flows.getOrDefault(place, Set.of()).contains(backend);
            Translations.forgetStale(now.maps().map(ServiceMap.TRANSLATIONS), stale);
            programs.follow();
            serveNode(now.maps());
            host.ifPresent(leading -> leading.forgetStale(stale));
        } catch (BpfException | NetlinkException e) {
            release();
            throw new PolicyBackendException("eBPF could not put all services in force: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void adopt(Collection<StickyClient> clients) {
        rest.adopt(clients);
        open.ifPresent(now -> sticky.adopt(now.maps().map(ServiceMap.STICKY_CLIENTS), clients));
    }

    /**
     * More pods' connections are about to be translated: their clients' backends, which the dataplane beneath has
     * chosen until now, come from there. On any thread.
     */
    public void takeOverClients() {
        if (open.isPresent()) {
            sticky.takeOver(pins);
        }
    }

    /** The programs are about to begin no more connections: their clients go on with the dataplane beneath. */
    public synchronized void handOverClients() {
        open.ifPresent(now -> sticky.handOver(now.maps().map(ServiceMap.STICKY_CLIENTS), rest));
    }

    /**
     * The clients of the program's backends that the programs know in a namespace, whichever process put them there.
     */
    public static List<StickyClient> stickyClients(NetworkNamespace namespace, ServiceProgram program) {
        return StickyFrontends.read(namespace, program);
    }

    private Optional<Open> opened() {
        if (open.isPresent()) {
            return open;
        }
        try {
            ServiceMaps maps = ServiceMaps.open(pins, capacities);
            open = Optional.of(new Open(
                    maps,
                    new ServiceTables(maps, Side.INSIDE, EbpfServices::backendsInside),
                    new OutsideTables(maps, outside)));
            alone = false;
        } catch (BpfException | UncheckedIOException e) {
            if (!alone) {
                LOG.atWarn().addKeyValue("reason", e.getMessage()).log("services-not-in-ebpf");
            }
            alone = true;
            leaveNode("services are not in eBPF: " + e.getMessage());
        }
        return open;
    }

    private static Optional<List<Backend>> backendsInside(FrontendProgram program) {
        return ServiceTables.isPlain(program) && program.inside() instanceof Target.Balance(List<Backend> backends)
                ? Optional.of(backends)
                : Optional.empty();
    }

    /** Has the programs for the node's sockets lead, or the other dataplane if that is not possible here. */
    private void serveNode(ServiceMaps maps) {
        if (sockets.isEmpty()) {
            leaveNode("no control groups of version 2 are mounted");
            return;
        }
        try {
            if (host.isEmpty()) {
                Map<String, Integer> shared = new HashMap<>();
                for (ServiceMap map : SHARED) {
                    shared.put(map.map(), maps.map(map).fd());
                }
                Sockets own = sockets.get();
                host = Optional.of(HostSockets.open(namespace, own.group(), shared, own.flows()));
                // Loading takes a while, in which the node's clients are still the other dataplane's.
                sticky.takeOver(pins);
            }
            host.get().lead();
            lacking = Optional.empty();
        } catch (BpfException | NetlinkException | EbpfUnavailableException | UncheckedIOException e) {
            leaveNode(String.valueOf(e.getMessage()));
        }
    }

    /** Leaves the node's sockets to the other dataplane; programs of a former process would never hear of a change. */
    private void leaveNode(String reason) {
        host.ifPresent(HostSockets::close);
        host = Optional.empty();
        HostSockets.end(pins);
        Optional<String> now = Optional.of(reason.lines().findFirst().orElse(""));
        if (!lacking.equals(now)) {
            LOG.atWarn().addKeyValue("reason", reason).log("node-sockets-not-in-ebpf");
        }
        lacking = now;
    }

    @Override
    public List<String> remarks() {
        return Stream.concat(
                        lacking
                                .map(reason ->
                                        "connections of the node itself are translated packet by packet: " + reason)
                                .stream(),
                        open
                                .flatMap(now -> now.outside().hindrance())
                                .map(reason -> "connections from outside are not translated in eBPF: " + reason)
                                .stream())
                .toList();
    }

    private void tell(int refused) {
        if (refused > 0 && !full) {
            LOG.atWarn().addKeyValue("frontends", refused).log("service-tables-full");
        }
        full = refused > 0;
    }

    /** The backends of a frontend for datagrams. */
    private static void datagrams(FrontendProgram program, Map<MapKey, Set<Backend>> flows) {
        if (isOfDatagrams(program.frontend())) {
            flows.put(ServiceTables.place(program.frontend()), program.backends());
        }
    }

    private static boolean isOfDatagrams(Frontend frontend) {
        return frontend.protocol() == Protocol.UDP;
    }

    private static boolean isOfDatagrams(MapKey place) {
        return Layout.protocol(place) == Protocol.UDP.number();
    }

    @Override
    public synchronized void apply(ServiceChange change) {
        rest.apply(change);
        if (change.isEmpty() || alone) {
            return;
        }
        Open now = open.orElseThrow(() -> new PolicyBackendException(
                "it is not known what is in force; all services have to be put in force first"));
        try {
            podCidrs = change.podCidrs().orElse(podCidrs);
            List<MapKey> gone =
                    change.removed().stream().map(ServiceTables::place).toList();
            Map<MapKey, Set<Backend>> flows = new HashMap<>();
            change.changed().stream()
                    .filter(program ->
                            now.inside().loses(program) || now.outside().loses(program))
                    .forEach(program -> datagrams(program, flows));
            change.removed().stream()
                    .filter(EbpfServices::isOfDatagrams)
                    .forEach(frontend -> flows.put(ServiceTables.place(frontend), Set.of()));
            BpfMap clients = now.maps().map(ServiceMap.STICKY_CLIENTS);
            Map<MapKey, StickyFrontend> former = sticky.beforeChange(clients, now.inside(), change);
            tell(now.inside().change(change.changed(), gone, podCidrs)
                    + now.outside().change(change.changed(), gone));
            sticky.afterChange(clients, now.inside(), former, rest);
            if (!flows.isEmpty()) {
                BiPredicate<MapKey, Backend> stale = (place, backend) -> flows.containsKey(place)
                        && !flows.getOrDefault(place, Set.of()).contains(backend);
                Translations.forgetStale(now.maps().map(ServiceMap.TRANSLATIONS), stale);
                host.ifPresent(leading -> leading.forgetStale(stale));
            }
        } catch (BpfException e) {
            // What is in the maps is read again.
            release();
            throw new PolicyBackendException("eBPF could not change services: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized List<String> audit(ServiceProgram program) {
        List<String> differences = new ArrayList<>(rest.audit(program));
        if (alone) {
            return differences;
        }
        if (open.isEmpty()) {
            differences.add("services are not in force in eBPF");
            return differences;
        }
        try {
            followSurroundings(program, open.get());
            differences.addAll(open.get().maps().differences());
            host.ifPresent(leading -> differences.addAll(leading.differences()));
            Collection<FrontendProgram> frontends = program.frontends().values();
            differences.addAll(open.get().inside().differences(frontends, program.podCidrs()));
            differences.addAll(open.get().outside().differences(frontends));
        } catch (BpfException e) {
            throw new PolicyBackendException("eBPF could not read services: " + e.getMessage(), e);
        }
        audited = System.nanoTime();
        return differences;
    }

    /** What surrounds the node is nobody's change to the kernel. */
    private void followSurroundings(ServiceProgram program, Open now) {
        if (!now.outside().isCurrent()) {
            tell(now.outside().replace(program.frontends().values()));
            programs.follow();
        }
    }

    /** The maps are compared from time to time: nobody changes those by accident. */
    @Override
    public synchronized boolean isUntouched() {
        return rest.isUntouched()
                && (alone
                        || (open.isPresent()
                                && ServiceMaps.arePresent(pins)
                                && open.get().outside().isCurrent()
                                && host.map(HostSockets::differences)
                                        .orElse(List.of())
                                        .isEmpty()
                                && System.nanoTime() - audited < BETWEEN_AUDITS));
    }

    @Override
    public synchronized void remove() {
        rest.remove();
        removeOwn();
    }

    @Override
    public synchronized void removeOwn() {
        try {
            open.ifPresent(former -> {
                former.inside().clear();
                former.outside().clear();
            });
            remove(namespace, programs);
        } catch (BpfException e) {
            throw new PolicyBackendException("eBPF could not remove services: " + e.getMessage(), e);
        } finally {
            release();
        }
    }

    /** Removes what any run has left in a namespace; the open connections become connection tracking's. */
    public static void remove(NetworkNamespace namespace, Programs programs) {
        Pins pins = new Pins(namespace);
        HostSockets.end(pins);
        if (!ServiceMaps.arePresent(pins)) {
            ServiceMaps.remove(pins);
            return;
        }
        try (Conntrack conntrack = Conntrack.open(namespace)) {
            Translations.handOver(pins, conntrack);
        } catch (NetlinkException e) {
            LOG.atWarn().addKeyValue("reason", e.getMessage()).log("service-connections-not-handed-over");
        }
        ServiceMaps.remove(pins);
        programs.leaveTranslated();
        programs.follow();
    }

    private void release() {
        host.ifPresent(HostSockets::close);
        host = Optional.empty();
        open.ifPresent(former -> former.maps().close());
        open = Optional.empty();
    }

    /** How full the maps are, 0 to 1, by name. */
    public Map<String, Double> fill() {
        return open.map(now -> now.maps().fill()).orElse(Map.of());
    }

    @Override
    public synchronized void close() {
        release();
        rest.close();
    }
}
