package dev.ikat.ebpf;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.dataplane.PolicyBackendException;
import dev.ikat.ebpf.kernel.Bpf;
import dev.ikat.ebpf.kernel.Pins;
import dev.ikat.model.InterfaceName;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.netlink.netfilter.LoggedPacket;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.host.TestNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/** The backend of a test's node; closing it takes it out of the kernel. */
final class NodeBackend implements PolicyBackend {
    private static final Map<String, Optional<String>> MISSING = new ConcurrentHashMap<>();

    private final NetworkNamespace namespace;
    private final EbpfBackend backend;
    private boolean closed;
    private final Queue<LoggedPacket> events = new ConcurrentLinkedQueue<>();

    NodeBackend(TestNamespace node, EbpfSettings settings) {
        this(node, settings, Optional::empty);
    }

    /** @param uplink by which connections from outside arrive; empty if they are not for the programs */
    NodeBackend(TestNamespace node, EbpfSettings settings, Supplier<Optional<InterfaceName>> uplink) {
        namespace = NetworkNamespace.open(node.path());
        assumeTrue(
                MISSING.computeIfAbsent("", _ -> missing(namespace)).isEmpty(),
                () -> "this machine can't run eBPF policies: " + MISSING.get(""));
        backend = new EbpfBackend(namespace, settings, uplink, Optional.of(events::add));
    }

    private static Optional<String> missing(NetworkNamespace namespace) {
        try (EbpfBackend probe = new EbpfBackend(namespace, EbpfSettings.USUAL, Optional::empty, Optional.empty())) {
            return probe.probe();
        }
    }

    /** What has a name. */
    static List<String> pins(TestNamespace node) {
        try (NetworkNamespace namespace = NetworkNamespace.open(node.path())) {
            return new Pins(namespace).names("").stream().sorted().toList();
        }
    }

    EbpfBackend backend() {
        return backend;
    }

    /** What the programs told, the oldest first. */
    Queue<LoggedPacket> events() {
        return events;
    }

    /** Ends as the agent does: what is in the kernel stays. */
    void leave() {
        backend.close();
    }

    @Override
    public Optional<String> probe() {
        return backend.probe();
    }

    @Override
    public void replace(PolicyProgram program) {
        backend.replace(program);
    }

    @Override
    public void apply(PolicyChange change) {
        backend.apply(change);
    }

    @Override
    public List<String> audit(PolicyProgram program) {
        return backend.audit(program);
    }

    @Override
    public boolean isUntouched() {
        return backend.isUntouched();
    }

    @Override
    public void handOver() {
        backend.handOver();
    }

    @Override
    public void remove() throws PolicyBackendException {
        backend.remove();
    }

    /** What somebody else may do. */
    void damage(String kind) throws IOException {
        Pins pins = new Pins(namespace);
        switch (kind) {
            case "name" -> Files.delete(pins.path(pins.names("forward4").getFirst()));
            case "link" -> detach(pins, "forward6");
            case "short way" -> detach(pins, "from-pod-");
            case "element" -> backend.damage(false);
            case "foreign element" -> backend.damage(true);
            default -> throw new IllegalArgumentException(kind);
        }
    }

    private static void detach(Pins pins, String prefix) {
        int link = Bpf.pinned(pins.path(pins.names(prefix).getFirst())).orElseThrow();
        Bpf.detach(link);
        Bpf.close(link);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        backend.close();
        try (EbpfBackend remover = new EbpfBackend(namespace, EbpfSettings.USUAL, Optional::empty, Optional.empty())) {
            remover.remove();
        }
        namespace.close();
    }
}
