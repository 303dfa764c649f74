package dev.ikat.ebpf;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.backendtests.DataplaneContract;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

@RequiresRoot
final class EbpfDataplaneTest extends DataplaneContract {
    private final TestNamespace node = TestNamespace.create();
    private final NetworkNamespace namespace = NetworkNamespace.open(node.path());

    @BeforeEach
    void open() {
        dataplane = new EbpfDataplane(namespace, EbpfSettings.USUAL, Optional.empty());
        try (PolicyBackend probe = dataplane.policy()) {
            Optional<String> missing = probe.probe();
            assumeTrue(missing.isEmpty(), () -> "this machine can't run eBPF policies: " + missing.orElse(""));
        }
    }

    @AfterEach
    void close() {
        try (PolicyBackend backend = dataplane.policy()) {
            backend.remove();
        }
        namespace.close();
        node.close();
    }

    @Override
    protected String state() {
        return NodeBackend.pins(node).toString();
    }
}
