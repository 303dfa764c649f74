package dev.ikat.ebpf.link;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.NetlinkException;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.route.BpfFilter;
import dev.ikat.netlink.route.Link;
import dev.ikat.netlink.route.Requests;
import dev.ikat.netlink.route.Rtnetlink;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The programs that see what interfaces receive, or what they send: each by a tcx link (Linux 6.6), or where the kernel
 * has none by a filter of the queueing discipline clsact. Both outlive the process, and let one program follow another
 * between two packets.
 */
final class LinkPrograms {
    private static final String FILTER_NAME = "ikat";
    private static final int FILTER_PREFERENCE = 107;

    private final Side side;
    private final Pins pins;
    private final NetworkNamespace namespace;
    private final Rtnetlink netlink;
    private final Map<InterfaceName, Attached> attached = new HashMap<>();
    private boolean tcx;

    private sealed interface Attached {
        int interfaceIndex();
    }

    private record ByLink(int fd, int interfaceIndex) implements Attached {}

    private record ByFilter(int interfaceIndex) implements Attached {}

    /** What programs see. */
    enum Side {
        RECEIVED("from-pod-", Bpf.BPF_TCX_INGRESS),
        SENT("to-pod-", Bpf.BPF_TCX_EGRESS);

        private final String prefix;
        private final int type;

        Side(String prefix, int type) {
            this.prefix = prefix;
            this.type = type;
        }
    }

    /** Which program belongs to an interface. */
    interface Choice {
        int program(InterfaceName name);
    }

    /** @param tcx whether to try tcx links first */
    LinkPrograms(Pins pins, NetworkNamespace namespace, Rtnetlink netlink, boolean tcx, Side side) {
        this.side = side;
        this.pins = pins;
        this.namespace = namespace;
        this.netlink = netlink;
        this.tcx = tcx;
    }

    private String pin(InterfaceName name) {
        return side.prefix + name;
    }

    /** Whether a program is there, which may be a former process's. */
    boolean isAt(InterfaceName name) {
        return attached.containsKey(name) || pins.has(pin(name));
    }

    /** Has these programs follow those that are attached; what can't be led is attached anew by the next update. */
    void lead(Choice choice) {
        attached.entrySet().removeIf(entry -> {
            int program = choice.program(entry.getKey());
            boolean led = switch (entry.getValue()) {
                case ByLink link -> Bpf.update(link.fd(), program);
                case ByFilter filter -> putFilter(filter.interfaceIndex(), program);
            };
            if (!led && entry.getValue() instanceof ByLink link) {
                Bpf.close(link.fd());
                pins.remove(pin(entry.getKey()));
            }
            return !led;
        });
    }

    /** Ends what is attached to other interfaces than these. */
    void retain(Map<InterfaceName, Link> links) {
        attached.entrySet().removeIf(entry -> {
            Link link = links.get(entry.getKey());
            boolean stays = link != null && link.index() == entry.getValue().interfaceIndex();
            if (!stays) {
                end(entry.getKey(), entry.getValue());
            }
            return !stays;
        });
    }

    /** Those of these interfaces that have no program yet. */
    List<Link> without(Map<InterfaceName, Link> links) {
        return links.values().stream()
                .filter(link -> !attached.containsKey(link.name()))
                .toList();
    }

    /** Attaches the program to an interface that has none yet. */
    void attach(Link link, Choice choice) {
        attachTo(link, choice.program(link.name())).ifPresent(made -> attached.put(link.name(), made));
    }

    /** Empty for a link that goes just now; it has the kernel's own way then, as one without a program. */
    private Optional<Attached> attachTo(Link link, int program) {
        if (tcx) {
            OptionalInt made = attachLink(link, program);
            if (made.isPresent()) {
                return Optional.of(new ByLink(made.getAsInt(), link.index()));
            }
        }
        if (!tcx && putFilter(link.index(), program)) {
            return Optional.of(new ByFilter(link.index()));
        }
        return Optional.empty();
    }

    private OptionalInt attachLink(Link link, int program) {
        String pin = pin(link.name());
        Optional<Integer> former = Bpf.pinned(pins.path(pin));
        if (former.isPresent()) {
            if (Bpf.linkInfo(former.get()).target() == link.index() && Bpf.update(former.get(), program)) {
                return OptionalInt.of(former.get());
            }
            Bpf.close(former.get());
            pins.remove(pin);
        }
        int made = namespace.call(() -> Bpf.attach(program, link.index(), side.type));
        if (made == -Errno.EINVAL) {
            // The kernel does not know what is asked for.
            tcx = false;
        }
        if (made < 0) {
            return OptionalInt.empty();
        }
        Bpf.pin(made, pins.path(pin));
        return OptionalInt.of(made);
    }

    private boolean putFilter(int interfaceIndex, int program) {
        try {
            netlink.execute(
                    Requests.addClsact(interfaceIndex).ignoring(Errno.EEXIST),
                    Requests.replaceFilter(interfaceIndex, received(), FILTER_PREFERENCE, FILTER_NAME, program));
            return true;
        } catch (NetlinkException e) {
            return false;
        }
    }

    private void end(InterfaceName name, Attached entry) {
        switch (entry) {
            case ByLink link -> {
                Bpf.detach(link.fd());
                Bpf.close(link.fd());
                pins.remove(pin(name));
            }
            case ByFilter filter -> endFilter(filter.interfaceIndex());
        }
    }

    private boolean received() {
        return side == Side.RECEIVED;
    }

    private Optional<BpfFilter> filter(int interfaceIndex) {
        return netlink.filters(interfaceIndex, received()).stream()
                .filter(filter -> filter.preference() == FILTER_PREFERENCE
                        && filter.name().equals(FILTER_NAME))
                .findFirst();
    }

    /** Takes our filter away where there is one. */
    void endFilter(int interfaceIndex) {
        if (filter(interfaceIndex).isEmpty()) {
            return;
        }
        int[] gone = {Errno.ENODEV, Errno.ENOENT, Errno.EINVAL};
        netlink.execute(Requests.deleteFilter(interfaceIndex, received(), FILTER_PREFERENCE)
                .ignoring(gone));
        if (netlink.filters(interfaceIndex, true).isEmpty()
                && netlink.filters(interfaceIndex, false).isEmpty()) {
            netlink.execute(Requests.deleteClsact(interfaceIndex).ignoring(gone));
        }
    }

    /** Of interfaces that went, or are no pod's any more, while nobody looked. */
    void removeStrays() {
        for (String pin : pins.names(side.prefix)) {
            InterfaceName name = new InterfaceName(pin.substring(side.prefix.length()));
            if (!(attached.get(name) instanceof ByLink)) {
                Bpf.pinned(pins.path(pin)).ifPresent(fd -> {
                    Bpf.detach(fd);
                    Bpf.close(fd);
                });
                pins.remove(pin);
            }
        }
    }

    /** What is not as it was attached, a line a difference. An interface that goes takes what was attached along. */
    List<String> differences(Choice choice) {
        List<String> differences = new ArrayList<>();
        Map<Integer, Integer> ids = new HashMap<>();
        attached.forEach((name, entry) -> {
            int id = ids.computeIfAbsent(choice.program(name), Bpf::programId);
            boolean there = switch (entry) {
                case ByLink link -> Bpf.linkInfo(link.fd()).equals(new Bpf.LinkInfo(id, link.interfaceIndex()));
                case ByFilter filter ->
                    filter(filter.interfaceIndex())
                            .filter(found -> found.programId() == id)
                            .isPresent();
            };
            // Looked for afterwards: it is not found any more before its programs go.
            if (!there && netlink.link(entry.interfaceIndex()).isEmpty()) {
                return;
            }
            if (!there) {
                differences.add("the program at " + name + " is gone");
            } else if (entry instanceof ByLink && !pins.has(pin(name))) {
                differences.add("the name " + pins.path(pin(name)) + " is gone");
            }
        });
        return differences;
    }

    /** Ends all, also those of a former process. */
    void end() {
        attached.forEach(this::end);
        attached.clear();
        removeStrays();
        netlink.links().forEach(link -> endFilter(link.index()));
    }

    /** Lets go of them; they stay in force. */
    void close() {
        attached.values().forEach(entry -> {
            if (entry instanceof ByLink link) {
                Bpf.close(link.fd());
            }
        });
        attached.clear();
    }
}
