package dev.ikat.ebpf;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ikat.backendtests.DataplaneContract;
import dev.ikat.backendtests.InNamespace;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.ebpf.service.Outside;
import dev.ikat.netlink.namespace.NetworkNamespace;
import dev.ikat.nftables.NftablesDataplane;
import dev.ikat.testbed.host.OwnControlGroup;
import dev.ikat.testbed.host.TestNamespace;
import dev.ikat.testbed.requirement.RequiresRoot;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

@RequiresRoot
final class EbpfDataplaneTest extends DataplaneContract {
    private final TestNamespace node = TestNamespace.create();
    private final NftablesDataplane nftables = new NftablesDataplane(false, OptionalInt.empty());
    private final NetworkNamespace namespace = NetworkNamespace.open(node.path());

    @BeforeEach
    void open() {
        InNamespace.call(node.path(), nftables::missing);
        dataplane = new EbpfDataplane(
                namespace, EbpfSettings.USUAL, Optional.empty(), OwnControlGroup.path(), Outside.LEFT, nftables);
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
        nftables.close();
        namespace.close();
        node.close();
    }

    @Override
    protected String state() {
        // Programs follow what is there, and each time have another number of the two.
        return NodeBackend.pins(node).toString().replaceAll("(forward[46])-\\d", "$1");
    }
}
