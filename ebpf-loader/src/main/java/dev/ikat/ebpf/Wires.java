package dev.ikat.ebpf;

import dev.ikat.model.InterfaceName;
import dev.ikat.model.IpAddress;
import dev.ikat.model.MacAddress;
import dev.ikat.netlink.Link;
import dev.ikat.netlink.Neighbour;
import dev.ikat.netlink.NetworkNamespace;
import dev.ikat.netlink.Rtnetlink;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The short way between the pods of this node: a program at the host end of each pod's link, and how the other pods are
 * reached. A pod that is missing here is reached by the kernel's own way.
 */
final class Wires {
    private static final String PREFIX = "from-pod-";
    private static final String HOST_PREFIX = "ik";
    private static final int WIRE_BYTES = 20;

    /**
     * An endpoint that may take the short way.
     *
     * @param id its number
     * @param addresses its addresses
     */
    record Target(int id, List<IpAddress> addresses) {
        Target {
            addresses = List.copyOf(addresses);
        }
    }

    private record Attached(int fd, int interfaceIndex) {}

    private final Pins pins;
    private final NetworkNamespace namespace;
    private final Rtnetlink netlink;
    private final Map<InterfaceName, Attached> attached = new HashMap<>();
    private final Map<ByteBuffer, ByteBuffer> rows = new HashMap<>();

    Wires(Pins pins, NetworkNamespace namespace, Rtnetlink netlink) {
        this.pins = pins;
        this.namespace = namespace;
        this.netlink = netlink;
    }

    /** The rows and programs of a new generation; the links stay. */
    void lead(BpfMap map, int program, Map<InterfaceName, Target> targets) {
        rows.clear();
        update(map, program, targets);
        attached.entrySet().removeIf(entry -> {
            boolean led = Bpf.update(entry.getValue().fd(), program);
            if (!led) {
                // It has been ended; it is made anew below.
                Bpf.close(entry.getValue().fd());
                pins.remove(PREFIX + entry.getKey());
            }
            return !led;
        });
        update(map, program, targets);
    }

    /** Brings links and rows up to date with the interfaces that there are. */
    void update(BpfMap map, int program, Map<InterfaceName, Target> targets) {
        Map<InterfaceName, Link> links = new HashMap<>();
        for (Link link : netlink.links()) {
            if (link.name().value().startsWith(HOST_PREFIX) && targets.containsKey(link.name())) {
                links.put(link.name(), link);
            }
        }
        Map<ByteBuffer, ByteBuffer> wanted = new HashMap<>();
        links.forEach((name, link) -> {
            Target target = targets.get(name);
            if (target != null && link.isUp()) {
                wire(link, target).ifPresent(wire -> wanted.put(Layout.number(target.id()), wire));
            }
        });
        Map<ByteBuffer, ByteBuffer> changed = new HashMap<>(wanted);
        changed.entrySet().removeIf(row -> row.getValue().equals(rows.get(row.getKey())));
        List<ByteBuffer> gone =
                rows.keySet().stream().filter(key -> !wanted.containsKey(key)).toList();
        map.deleteAll(gone);
        map.putAll(changed);
        rows.keySet().removeAll(gone);
        rows.putAll(changed);

        attached.entrySet().removeIf(entry -> {
            Link link = links.get(entry.getKey());
            boolean stays = link != null && link.index() == entry.getValue().interfaceIndex();
            if (!stays) {
                end(entry.getKey(), entry.getValue());
            }
            return !stays;
        });
        links.forEach((name, link) -> {
            if (!attached.containsKey(name)) {
                attach(program, link).ifPresent(made -> attached.put(name, made));
            }
        });
        removeStrays();
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
                .flip());
    }

    private Optional<Attached> attach(int program, Link link) {
        String pin = PREFIX + link.name();
        Optional<Integer> former = Bpf.pinned(pins.path(pin));
        if (former.isPresent()) {
            if (Bpf.linkInfo(former.get()).target() == link.index() && Bpf.update(former.get(), program)) {
                return Optional.of(new Attached(former.get(), link.index()));
            }
            Bpf.close(former.get());
            pins.remove(pin);
        }
        int made = namespace.call(() -> Bpf.attachIngress(program, link.index()));
        if (made < 0) {
            // It goes the kernel's way then, as a link that goes just now does.
            return Optional.empty();
        }
        Bpf.pin(made, pins.path(pin));
        return Optional.of(new Attached(made, link.index()));
    }

    private void end(InterfaceName name, Attached link) {
        Bpf.detach(link.fd());
        Bpf.close(link.fd());
        pins.remove(PREFIX + name);
    }

    /** Of interfaces that went while nobody looked. */
    private void removeStrays() {
        for (String pin : pins.names(PREFIX)) {
            if (!attached.containsKey(new InterfaceName(pin.substring(PREFIX.length())))) {
                Bpf.pinned(pins.path(pin)).ifPresent(fd -> {
                    Bpf.detach(fd);
                    Bpf.close(fd);
                });
                pins.remove(pin);
            }
        }
    }

    /** What is not as it was attached, a line a difference. */
    List<String> differences(int program) {
        List<String> differences = new ArrayList<>();
        int id = Bpf.programId(program);
        attached.forEach((name, link) -> {
            Bpf.LinkInfo info = Bpf.linkInfo(link.fd());
            if (info.program() != id || info.target() != link.interfaceIndex()) {
                differences.add("the program at " + name + " is gone");
            } else if (!pins.has(PREFIX + name)) {
                differences.add("the name " + pins.path(PREFIX + name) + " is gone");
            }
        });
        return differences;
    }

    /** How many pods are reached the short way. */
    int size() {
        return rows.size();
    }

    /** Ends all, also those of a former process. */
    void end() {
        attached.forEach(this::end);
        attached.clear();
        removeStrays();
        rows.clear();
    }

    /** Lets go of them; they stay in force. */
    void close() {
        attached.values().forEach(link -> Bpf.close(link.fd()));
        attached.clear();
    }
}
