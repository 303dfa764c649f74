package dev.ikat.ebpf;

import dev.ikat.netlink.LoggedPacket;
import dev.ikat.netlink.NetworkNamespace;
import dev.ikat.policy.program.PolicyBackend;
import dev.ikat.policy.program.PolicyBackendException;
import dev.ikat.policy.program.PolicyChange;
import dev.ikat.policy.program.PolicyProgram;
import dev.ikat.testbed.TestNamespace;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The backend of a test's node; closing it takes it out of the kernel. */
final class NodeBackend implements PolicyBackend {
    private final NetworkNamespace namespace;
    private final EbpfBackend backend;
    private final Queue<LoggedPacket> events = new ConcurrentLinkedQueue<>();

    NodeBackend(TestNamespace node, EbpfSettings settings) {
        namespace = NetworkNamespace.open(node.path());
        backend = new EbpfBackend(namespace, settings, Optional.of(events::add));
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
    public void handOver() {
        backend.handOver();
    }

    @Override
    public void remove() throws PolicyBackendException {
        backend.remove();
    }

    @Override
    public void close() {
        backend.close();
        try (EbpfBackend remover = new EbpfBackend(namespace, EbpfSettings.USUAL, Optional.empty())) {
            remover.remove();
        }
        namespace.close();
    }
}
