package dev.ikat.ebpf;

import dev.ikat.backendtests.EvaluatorAgreement;
import dev.ikat.dataplane.PolicyBackend;
import dev.ikat.testbed.host.TestNamespace;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

class EbpfEvaluatorAgreementTest extends EvaluatorAgreement {
    private @Nullable NodeBackend backend;

    @Override
    protected PolicyBackend open(TestNamespace node) {
        backend = new NodeBackend(node, EbpfSettings.USUAL);
        return backend;
    }

    @Override
    protected void forgetConnections(TestNamespace of) {
        Objects.requireNonNull(backend).backend().forgetConnections();
    }

    @Override
    protected int programs() {
        return 100;
    }
}
