package dev.ikat.ebpf;

import dev.ikat.backendtests.MalformedPackets;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

class EbpfMalformedPacketsTest extends MalformedPackets {
    private @Nullable NodeBackend backend;

    @Override
    protected PolicyBackend open(TestNamespace node) {
        backend = new NodeBackend(node, EbpfSettings.USUAL);
        return backend;
    }

    @Override
    protected void forgetConnections() {
        Objects.requireNonNull(backend).backend().forgetConnections();
    }
}
