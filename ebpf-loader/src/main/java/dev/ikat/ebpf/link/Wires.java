package dev.ikat.ebpf.link;

import dev.ikat.ebpf.kernel.BpfMap;
import dev.ikat.ebpf.kernel.Layout;
import dev.ikat.ebpf.kernel.MapKey;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.LinkNames;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Neighbour;
import dev.ikat.netlink.route.Rtnetlink;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * The fast paths between pods: a program at the host end of each pod's veth pair and one at the overlay, and how their
 * destinations are reached. A pod that is missing here is reached by the kernel's own path, and so is a pod of another
 * node if the overlay is missing here. Where services are translated, there are programs at the uplink too, for
 * connections from outside.
 */
public final class Wires {
    private static final InterfaceName OVERLAY = new InterfaceName(LinkNames.OVERLAY);

    /** The overlay's key, {@code OVERLAY} in maps.h. */
    private static final MapKey OVERLAY_KEY = Layout.key(0);

    /** The uplink's key, {@code UPLINK} in maps.h. */
    private static final MapKey UPLINK_KEY = Layout.key(0xffff_fffe);

    private static final int WIRE_BYTES = 24;
    private static final int HOST_MAC = 10;
    private static final int MTU = 16;

    /** {@code WIRE_RESTORES} in maps.h. */
    private static final int RESTORES = 1;

    /**
     * An endpoint that may use the fast path.
     *
     * @param id its number
     * @param addresses its addresses
     */
    public record Target(int id, List<IpAddress> addresses) {
        public Target {
            addresses = List.copyOf(addresses);
        }
    }

    /**
     * The programs, by their descriptors.
     *
     * @param fromPod at the host end of a pod's veth pair
     * @param fromOverlay at the overlay
     * @param fromUplink at the uplink, where services are translated
     * @param toPod at the host end of a pod's veth pair, and at the uplink, where packets leave; empty if services are
     *     not translated
     */
    public record Heads(int fromPod, int fromOverlay, int fromUplink, OptionalInt toPod) {
        private LinkPrograms.Choice received() {
            return name -> name.equals(OVERLAY) ? fromOverlay : isOurs(name) ? fromPod : fromUplink;
        }

        private LinkPrograms.Choice sent() {
            return _ -> toPod.orElseThrow();
        }
    }

    /** A program that is still to be attached to a link. */
    private record Missing(Link link, boolean received) {}

    private final Rtnetlink netlink;
    private final LinkPrograms received;
    private final LinkPrograms sent;
    private final Supplier<Optional<InterfaceName>> uplink;
    private final Map<MapKey, ByteBuffer> rows = new HashMap<>();
    /** The overlay first. */
    private final Deque<Missing> waiting = new ArrayDeque<>();
    /** To what was attached where packets leave, while answers do not count as restored yet. */
    private final Set<InterfaceName> fresh = new HashSet<>();

    private volatile Runnable beforeRestoring = () -> {};

    /** @param uplink the interface by which connections from outside arrive; empty while it is not known */
    public Wires(
            Pins pins,
            NetworkNamespace namespace,
            Rtnetlink netlink,
            boolean tcx,
            Supplier<Optional<InterfaceName>> uplink) {
        this.netlink = netlink;
        this.uplink = uplink;
        this.received = new LinkPrograms(pins, namespace, netlink, tcx, LinkPrograms.Side.RECEIVED);
        this.sent = new LinkPrograms(pins, namespace, netlink, tcx, LinkPrograms.Side.SENT);
    }

    /** Changes to the rows and programs of a new generation; attached programs are replaced in place. */
    public void lead(BpfMap map, Heads heads, Map<InterfaceName, Target> targets) {
        if (heads.toPod().isPresent()) {
            sent.lead(heads.sent());
        } else {
            sent.end();
        }
        rows.clear();
        putRows(map, rows(links(heads, targets), targets));
        received.lead(heads.received());
        update(map, heads, targets);
        // Of a former process, at the link of a pod that is none any more, or at a former uplink.
        netlink.links().stream().filter(link -> !received.isAt(link.name())).forEach(link -> {
            received.endFilter(link.index());
            sent.endFilter(link.index());
        });
    }

    /** Brings the rows up to date with the existing interfaces; {@link #attachNext} does the same for the programs. */
    public void update(BpfMap map, Heads heads, Map<InterfaceName, Target> targets) {
        Map<InterfaceName, Link> links = links(heads, targets);
        received.retain(links);
        sent.retain(links);
        beginRestoring();
        putRows(map, rows(links, targets));
        waiting.clear();
        for (Link link : received.without(links)) {
            if (link.name().equals(OVERLAY)) {
                waiting.addFirst(new Missing(link, true));
            } else {
                waiting.addLast(new Missing(link, true));
            }
        }
        if (heads.toPod().isPresent()) {
            links.remove(OVERLAY);
            sent.without(links).forEach(link -> waiting.addLast(new Missing(link, false)));
        }
    }

    /**
     * Attaches one program that is missing. The kernel waits for a grace period meanwhile, in which no link can be
     * changed.
     *
     * @return whether there are more
     */
    public boolean attachNext(BpfMap map, Heads heads, Map<InterfaceName, Target> targets) {
        Missing next = waiting.poll();
        boolean leadsOut = next != null && !targets.containsKey(next.link().name());
        if (next != null && next.received()) {
            received.attach(next.link(), heads.received());
        } else if (next != null) {
            sent.attach(next.link(), heads.sent());
            fresh.add(next.link().name());
        }
        // What goes into the overlay, or to the uplink, has to come back the same way: now it may.
        if ((waiting.isEmpty() && beginRestoring()) || leadsOut) {
            putRows(map, rows(links(heads, targets), targets));
        }
        if (waiting.isEmpty()) {
            received.removeStrays();
            sent.removeStrays();
        }
        return !waiting.isEmpty();
    }

    /** Has this run each time before the answers of further pods are restored. */
    public void beforeRestoring(Runnable task) {
        beforeRestoring = task;
    }

    private boolean beginRestoring() {
        if (fresh.isEmpty()) {
            return false;
        }
        beforeRestoring.run();
        fresh.clear();
        return true;
    }

    private Map<InterfaceName, Link> links(Heads heads, Map<InterfaceName, Target> targets) {
        Optional<InterfaceName> outside = heads.toPod().isPresent() ? uplink.get() : Optional.empty();
        return netlink.links().stream()
                .filter(link ->
                        targets.containsKey(link.name()) || link.name().equals(OVERLAY) || isUplink(link, outside))
                .collect(Collectors.toMap(Link::name, link -> link, (_, later) -> later));
    }

    /** The programs read Ethernet's header. */
    private static boolean isUplink(Link link, Optional<InterfaceName> outside) {
        return outside.equals(Optional.of(link.name()))
                && !isOurs(link.name())
                && !link.isNoArp()
                && link.mac().isPresent();
    }

    /** Whether it is a pod's link, or the overlay. */
    private static boolean isOurs(InterfaceName name) {
        return name.value().startsWith(LinkNames.POD_PREFIX);
    }

    private Map<MapKey, ByteBuffer> rows(Map<InterfaceName, Link> links, Map<InterfaceName, Target> targets) {
        Map<MapKey, ByteBuffer> wanted = new HashMap<>();
        links.forEach((name, link) -> {
            Target target = targets.get(name);
            if (target != null && link.isUp()) {
                wire(link, target).ifPresent(wire -> wanted.put(Layout.key(target.id()), wire));
            } else if (name.equals(OVERLAY) && link.isUp() && received.isAt(name)) {
                wanted.put(
                        OVERLAY_KEY,
                        Layout.of(WIRE_BYTES).putInt(0, link.index()).putInt(MTU, link.mtu()));
            } else if (!isOurs(name) && received.isAt(name) && sent.isAt(name)) {
                wanted.put(
                        UPLINK_KEY,
                        Layout.of(WIRE_BYTES)
                                .putInt(0, link.index())
                                .put(HOST_MAC, link.mac().orElseThrow().toBytes())
                                .putInt(MTU, link.mtu()));
            }
        });
        return wanted;
    }

    private void putRows(BpfMap map, Map<MapKey, ByteBuffer> wanted) {
        Map<MapKey, ByteBuffer> changed = new HashMap<>(wanted);
        changed.entrySet().removeIf(row -> row.getValue().equals(rows.get(row.getKey())));
        List<MapKey> gone =
                rows.keySet().stream().filter(key -> !wanted.containsKey(key)).toList();
        map.deleteAll(gone);
        rows.keySet().removeAll(gone);
        put(map, changed);
    }

    private void put(BpfMap map, Map<MapKey, ByteBuffer> changed) {
        map.putAll(changed);
        rows.putAll(changed);
    }

    /** {@code struct wire}; empty while the pod's link-layer address is not known. */
    private Optional<ByteBuffer> wire(Link link, Target target) {
        Optional<MacAddress> pod = Optional.empty();
        for (IpAddress address : target.addresses()) {
            if (pod.isEmpty()) {
                pod = netlink.neighbours(address.family(), link.index()).stream()
                        .filter(neighbour ->
                                neighbour.isPermanent() && neighbour.address().equals(address))
                        .findFirst()
                        .flatMap(Neighbour::mac);
            }
        }
        if (pod.isEmpty() || link.mac().isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(Layout.of(WIRE_BYTES)
                .putInt(link.index())
                .put(pod.get().toBytes())
                .put(link.mac().get().toBytes())
                .putInt(link.mtu())
                .putInt(sent.isAt(link.name()) && !fresh.contains(link.name()) ? RESTORES : 0)
                .flip());
    }

    /** The differences from what was attached, one line for each. */
    public List<String> differences(Heads heads) {
        List<String> differences = new ArrayList<>(received.differences(heads.received()));
        if (heads.toPod().isPresent()) {
            differences.addAll(sent.differences(heads.sent()));
        }
        return differences;
    }

    /** How many pods get the answers of services restored, whichever way these come. */
    public int restoring() {
        return (int) rows.values().stream()
                .filter(row -> row.getInt(MTU + Integer.BYTES) == RESTORES)
                .count();
    }

    /** How many pods are reached by the fast path. */
    public int size() {
        return rows.size() - (reachesOverlay() ? 1 : 0) - (isAtUplink() ? 1 : 0);
    }

    /** Whether connections from outside are seen. */
    public boolean isAtUplink() {
        return rows.containsKey(UPLINK_KEY);
    }

    /** Whether pods of other nodes are reached by the fast path. */
    public boolean reachesOverlay() {
        return rows.containsKey(OVERLAY_KEY);
    }

    /** Detaches all, including those of an earlier process. */
    public void end() {
        received.end();
        sent.end();
        rows.clear();
    }

    /** Releases them; they stay in force. */
    public void close() {
        received.close();
        sent.close();
    }
}
