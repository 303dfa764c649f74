package dev.ikat.ebpf.link;

import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.BpfException;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.netlink.Errno;
import dev.ikat.netlink.namespace.NetworkNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The program that decides about forwarded packets, attached to netfilter's hooks of both families. Netfilter's links
 * can't change their program, so a new program is attached before the former one is detached.
 */
public final class ForwardLinks {
    private static final String PREFIX = "forward";
    private static final int[] FAMILIES = {2, 10}; // PF_INET, PF_INET6

    /** Just before netfilter's filters, NF_IP_PRI_FILTER; two eBPF programs can't have the same. */
    private static final int PRIORITY = -10;

    private static final int PRIORITIES = 8;

    private static final String REQUIREMENT =
            "attach the eBPF program to netfilter's forward hook (Linux 6.4 with CONFIG_NETFILTER_BPF_LINK)";

    private record Attached(String pin, int fd, int family, int priority) {}

    private final Pins pins;
    private final NetworkNamespace namespace;
    private List<Attached> attached = List.of();

    public ForwardLinks(Pins pins, NetworkNamespace namespace) {
        this.pins = pins;
        this.namespace = namespace;
    }

    /**
     * Has this program decide from now on, and no other of Ikat's.
     *
     * @throws BpfException if it can't be attached; then the former program still decides
     */
    public void lead(int program) {
        List<Attached> made = new ArrayList<>();
        try {
            for (int family : FAMILIES) {
                made.add(attach(program, family));
            }
        } catch (RuntimeException e) {
            made.forEach(this::end);
            throw e;
        }
        List<Attached> former = attached;
        attached = made;
        former.forEach(link -> Bpf.close(link.fd()));
        List<String> kept = made.stream().map(Attached::pin).toList();
        pins.names(PREFIX).stream().filter(name -> !kept.contains(name)).forEach(this::endPinned);
    }

    /**
     * Why no program can be attached; empty if one can.
     *
     * @param program one that accepts everything: it is in force for a moment
     */
    public Optional<String> probe(int program) {
        for (int family : FAMILIES) {
            int link = namespace.call(() -> Bpf.attachForward(program, family, PRIORITY - PRIORITIES));
            if (link < 0 && link != -Errno.EBUSY) {
                return Optional.of(REQUIREMENT + ": " + Errno.name(-link));
            }
            if (link >= 0) {
                Bpf.close(link);
            }
        }
        return Optional.empty();
    }

    private Attached attach(int program, int family) {
        int result = -Errno.EBUSY;
        for (int place = 0; place < PRIORITIES && result == -Errno.EBUSY; place++) {
            int priority = PRIORITY - place;
            result = namespace.call(() -> Bpf.attachForward(program, family, priority));
            if (result >= 0) {
                String pin = PREFIX + (family == 2 ? "4" : "6") + "-" + place;
                // Of a link that has ended in a way that left its name.
                pins.remove(pin);
                Bpf.pin(result, pins.path(pin));
                return new Attached(pin, result, family, priority);
            }
        }
        throw new BpfException(REQUIREMENT, -result);
    }

    private void end(Attached link) {
        Bpf.detach(link.fd());
        Bpf.close(link.fd());
        pins.remove(link.pin());
    }

    private void endPinned(String name) {
        Optional<Integer> link = Bpf.pinned(pins.path(name));
        link.ifPresent(fd -> {
            Bpf.detach(fd);
            Bpf.close(fd);
        });
        pins.remove(name);
    }

    /** The differences from what was attached, one line for each. */
    public List<String> differences(int program) {
        List<String> differences = new ArrayList<>();
        if (attached.isEmpty()) {
            differences.add("no program is attached");
        }
        for (Attached link : attached) {
            if (!pins.has(link.pin())) {
                differences.add("the name " + pins.path(link.pin()) + " is gone");
            }
            // A link does not say whether it has been ended; its place is free then.
            int taken = namespace.call(() -> Bpf.attachForward(program, link.family(), link.priority()));
            if (taken != -Errno.EBUSY) {
                differences.add("the link " + link.pin() + " has been ended");
            }
            if (taken >= 0) {
                Bpf.close(taken);
            }
        }
        return differences;
    }

    /** Detaches all, including those of an earlier process. */
    public void end() {
        attached.forEach(link -> Bpf.close(link.fd()));
        attached = List.of();
        pins.names(PREFIX).forEach(this::endPinned);
    }

    /** Releases them; they stay in force. */
    public void close() {
        attached.forEach(link -> Bpf.close(link.fd()));
        attached = List.of();
    }
}
