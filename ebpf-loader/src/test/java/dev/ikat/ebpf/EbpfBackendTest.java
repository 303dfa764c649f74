package dev.ikat.ebpf;

import dev.ikat.backendtests.BackendContract;
import dev.ikat.policy.program.PolicyBackend;
import dev.ikat.testbed.TestNamespace;

class EbpfBackendTest extends BackendContract {
    @Override
    protected PolicyBackend open(TestNamespace namespace) {
        return new NodeBackend(namespace, EbpfSettings.USUAL);
    }

    @Override
    protected String state(TestNamespace namespace) {
        return NodeBackend.pins(namespace).toString();
    }
}
